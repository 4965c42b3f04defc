"""Tables for LaTeX."""

from src.compare.latex import write_latex
from tests.compare.records import arms, compare_runs


def test_the_tables_are_escaped_and_have_as_many_cells_as_columns(tmp_path):
    write_latex(compare_runs(arms(leaky_relu=[0.03] * 6, **{"50%": [0.02] * 6})), tmp_path)
    text = (tmp_path / "tables.tex").read_text("utf-8")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"activation=leaky\_relu" in text
    assert r"activation=50\%" in text
    for table in text.split(r"\end{tabular}")[:2]:
        columns = len(table.split(r"\begin{tabular}{")[1].split("}")[0])
        rows = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert {line.count(" & ") for line in rows} == {columns - 1}
