"""The description of a sweep's run in MLflow."""

from src.compare import summary
from src.compare.note import markdown
from tests.compare.records import arms, compare_runs


def test_it_opens_with_question_and_answer_and_has_a_row_for_each_variant():
    errors = [0.03 + seed / 1000 for seed in range(6)]
    found = compare_runs(arms(relu=[e - 0.01 for e in errors], sigmoid=errors))
    question, answer, variants, pairs, *_ = markdown(found).split("\n\n")
    assert question == f"**{found.question}**"
    assert answer == summary.sentence(found)
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
