"""Tables in LaTeX, and the description of a sweep's run in MLflow."""

from src.compare.markup import markdown, write_latex
from src.compare.summary import sentence
from tests.compare.records import arms, compare_runs


def test_latex_is_escaped_and_has_as_many_cells_as_columns(tmp_path):
    write_latex(compare_runs(arms(leaky_relu=[0.03] * 6, **{"50%": [0.02] * 6})), tmp_path)
    text = (tmp_path / "tables.tex").read_text("utf-8")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"activation=leaky\_relu" in text
    assert r"activation=50\%" in text
    for table in text.split(r"\end{tabular}")[:2]:
        columns = len(table.split(r"\begin{tabular}{")[1].split("}")[0])
        rows = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert {line.count(" & ") for line in rows} == {columns - 1}


def test_a_description_opens_with_question_and_answer_and_has_a_row_for_each_variant():
    errors = [0.03 + seed / 1000 for seed in range(6)]
    found = compare_runs(arms(relu=[e - 0.01 for e in errors], sigmoid=errors))
    question, answer, variants, pairs, *_ = markdown(found).split("\n\n")
    assert question == f"**{found.question}**"
    assert answer == sentence(found)
    header, rule, *rows = variants.splitlines()
    assert {line.count("|") for line in (header, rule, *rows)} == {header.count("|")}
    assert len(rows) == 2
    assert len(pairs.splitlines()) == 3
    assert "None" not in markdown(found)


def test_levels_with_a_bar_stay_in_their_cell_and_many_rows_are_cut():
    many = {f"level|{number}": [0.1, 0.2] for number in range(30)}
    text = markdown(compare_runs(arms(**many)))
    assert r"level\|3" in text
    assert "and 10 more" in text
    assert len(text) < 8_000  # a tag of MLflow's database
