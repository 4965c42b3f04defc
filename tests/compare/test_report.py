"""The report as a browser gets it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from src.compare import write
from src.compare.panel_plots import layers
from src.compare.summary import sentence
from tests.compare.records import arms, compare_runs, make_run
from tests.compare.test_tuned import search

HOSTILE = "<script>alert('x')</script>&\"$\\frac$--> [red]"


class Page(HTMLParser):
    """Tags, attributes and text of a page, as parsed."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def report(comparison, folder, **provenance):
    write(comparison, folder, provenance)
    return Page((folder / "report.html").read_text("utf-8"))


@pytest.fixture
def words_alone(monkeypatch):
    """Leave out the figures of reports, for tests that read nothing of them."""
    monkeypatch.setattr("src.compare.plots.PLOTS", ())


def crossed(diagnostics):
    runs = []
    for activation in ("sigmoid", "relu"):
        for depth in (1, 2):
            for seed in range(6):
                config = {"activation": activation, "depth": str(depth)}
                run = make_run(config, seed, [0.3, 0.02 + depth / 100 + seed / 1000])
                for epoch in run.epochs if diagnostics else ():
                    share = {f"saturated/{layer}": 0.1 for layer in range(1, depth + 1)}
                    norms = {f"grad_norm/{layer}": 10.0**-layer for layer in range(1, depth + 2)}
                    object.__setattr__(epoch, "others", share | norms)
                runs.append(run)
    return compare_runs(runs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The report of two crossed factors with diagnostics."""
    folder = tmp_path_factory.mktemp("crossed")
    write(crossed(diagnostics=True), folder, {})
    return folder


def test_the_page_says_question_verdict_figures_tables_and_method_in_this_order(tmp_path):
    comparison = compare_runs(
        arms(sigmoid=[0.04] * 6, relu=[0.03] * 6), question="Which is better?"
    )
    page = report(comparison, tmp_path, command="python -m src.train -m")
    parts = ["Which is better?", sentence(comparison), "Validation error by epoch.", "\nVariants\n"]
    parts += ["\nPairs\n", "How it was done", "Hartigan", "Settings that all variants have"]
    parts += ["Where it comes from", "python -m src.train -m"]
    places = [page.text.rindex(part) for part in parts]
    assert places == sorted(places)
    assert page.tags.count("svg") == page.tags.count("figure") == 3


@pytest.mark.slow
def test_every_string_is_escaped(tmp_path):
    runs = [
        make_run({HOSTILE: level, "depth": depth, "loss": f"{level}!"}, seed, [0.04], name="run")
        for level in (HOSTILE, "relu")
        for depth in "12"
        for seed in range(2)
    ]
    page = report(compare_runs(runs, question=HOSTILE), tmp_path, **{HOSTILE: HOSTILE})
    assert "script" not in page.tags
    assert page.text.count(HOSTILE) >= 20


@pytest.mark.usefixtures("words_alone")
def test_the_note_on_pairs_names_the_family_of_all_pairs(tmp_path):
    errors = {name: [0.03 + at / 100] * 8 for at, name in enumerate("abcdefg")}
    words = []
    for n in (2, 3, 7):  # 1 pair; 2 with the baseline and 1 other; 6, and 15 others
        runs = arms(**{name: errors[name] for name in "abcdefg"[:n]})
        words.append(" ".join(report(compare_runs(runs), tmp_path).text.split()))
    two, three, seven = words
    assert "Differences in test error in percentage points, paired by seed. McNemar" in two
    assert "Intervals and p hold for all 3 pairs together. McNemar" in three
    assert "Intervals and p hold for all 21 pairs together. McNemar" in seven
    assert "pairs.csv has 15 more pairs." in seven


SPLITS = [{"data.split_seed": f"{seed}", "init_seed": f"{seed}"} for seed in range(6)]
FIXED = "that of {} on them alone; what others would bring, no interval here contains."


def replicated(keys=SPLITS, **fields):
    """Compare two variants, whose runs have these keys by seed."""
    runs = [
        make_run({"lr": lr, **own}, seed, [0.1 + seed / 100], name=f"lr={lr}", **fields)
        for lr in "12"
        for seed, own in enumerate(keys)
    ]
    return compare_runs(runs)


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize(
    ("keys", "fields", "said", "population"),
    [
        (SPLITS, {}, "fixes the split, the initial weights and the order of batches, and",
         "that of splits, initialisations and batch orders on this pool of samples."),
        (SPLITS, {"split": "one"}, "fixes the initial weights and the order of batches, and",
         "same split, so the population is " + FIXED.format("initialisations and batch orders")),
        ([own | {"init_seed": "7"} for own in SPLITS], {}, "fixes the split and the order of bat",
         "same initial weights, so the population is " + FIXED.format("splits and batch orders")),
        ([{"init_seed": "7", "order_seed": "7"}] * 6, {"split": "one"}, "paired by seed. Every",
         "All seeds of a variant have the same split, initial weights and order of batches: their "
         "runs are one"),
        (SPLITS[:1], {"split": "one"}, "fixes the split, the initial weights and", "that of spli"),
    ],
    ids=["all", "one split", "one init", "one run", "one seed"],
)  # fmt: skip
def test_the_method_names_what_seeds_resample_and_nothing_that_they_share(
    keys, fields, said, population, tmp_path
):
    words = " ".join(report(replicated(keys, **fields), tmp_path).text.split())
    assert said in words
    assert population in words


@pytest.mark.usefixtures("words_alone")
def test_a_source_of_chance_that_tells_variants_apart_is_none_that_seeds_resample(tmp_path):
    runs = [
        make_run(own | {"init_seed": init_seed}, seed, [0.1 + seed / 100])
        for init_seed in "12"
        for seed, own in enumerate(SPLITS)
    ]
    words = " ".join(report(compare_runs(runs), tmp_path).text.split())
    assert "a seed fixes the split and the order of batches, and" in words
    assert "All seeds of a variant have the same initial weights, so the population is" in words


@pytest.mark.usefixtures("words_alone")
def test_a_variant_that_failed_before_its_split_was_known_has_the_others_split(tmp_path):
    lost = [
        make_run({"lr": "3", **own}, seed, [], status="FAILED", split="")
        for seed, own in enumerate(SPLITS)
    ]
    found = compare_runs([*replicated(split="one").runs, *lost])
    words = " ".join(report(found, tmp_path).text.split())
    assert "All seeds of a variant have the same split, so the population is" in words


@pytest.mark.usefixtures("words_alone")
def test_the_method_names_what_selected_the_epoch_and_a_test_set_only_if_there_is_one(tmp_path):
    words = " ".join(report(replicated(), tmp_path).text.split())
    assert "selected by the validation error; the test set was read once a run" in words
    fields = {"summary": {}, "selected_by": "val/loss"}
    words = " ".join(report(replicated(**fields), tmp_path).text.split())
    assert "selected by the validation loss. A run that" in words


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize(
    ("declared", "looks", "said"),
    [
        (
            [8, 16],
            (),
            "Looks were declared at 8 and 16 seeds, over which the level of 5 % is spent",
        ),
        ([], (6,), "Of looks that were not declared all have the same level, with which they err"),
        ([6, 7], (6, 7), "Of looks that were not declared all have the same level"),
    ],
)
def test_the_method_tells_of_looks_and_of_their_levels(declared, looks, said, tmp_path):
    runs = arms(a=[0.03 + seed / 1000 for seed in range(8)], b=[0.04] * 8)
    earlier = [{f"activation={name}": range(n) for name in "ab"} for n in looks]
    found = compare_runs(runs, declared_looks=declared, looks=earlier)
    words = " ".join(report(found, tmp_path).text.split())
    assert said in words
    assert f"The level is {found.pairs[0].estimate.level:.3f}, and the intervals are as" in words
    words = " ".join(report(compare_runs(runs), tmp_path).text.split())
    assert "excludes 0 exactly when p is below 0.05." in words
    assert "level of 5 %" not in words


def test_a_label_too_long_for_a_figure_is_whole_in_the_tables(tmp_path):
    long = " ".join(f"{layer}00" for layer in range(60))
    page = report(compare_runs(arms(**{long: [0.04] * 6, "relu": [0.03] * 6})), tmp_path)
    assert page.text.count(long) >= 2
    assert "…" in page.text


@pytest.mark.slow
def test_the_page_loads_nothing_and_runs_nothing(folder):
    text = (folder / "report.html").read_text("utf-8")
    page = Page(text)
    assert not {"script", "link", "iframe", "img", "object", "base"} & set(page.tags)
    references = [v for k, v in page.attributes if k in ("src", "href", "xlink:href")]
    assert all(reference.startswith("#") for reference in references)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not any(name.startswith("on") for name, _ in page.attributes)


def test_figures_take_the_colours_of_the_page_in_both_schemes(folder):
    text = (folder / "report.html").read_text("utf-8")
    figures = "".join(re.findall(r"<svg.*?</svg>", text, re.S))
    assert not re.findall(r"#[0-9a-f]{6}\b", figures)
    used = set(re.findall(r"var\(--(\w+)\)", figures))
    light, dark = (set(re.findall(r"--(\w+): #", rule)) for rule in text.split("@media")[:2])
    assert used <= light & dark


def test_the_figures_are_also_png_files(folder):
    found = {path.stem: path.read_bytes() for path in folder.glob("*.png")}
    assert found.keys() == {"curves", "differences", "seeds", "factors", "layers"}
    assert all(image.startswith(b"\x89PNG") for image in found.values())


def test_without_diagnostics_there_is_no_figure_of_layers():
    assert layers(crossed(diagnostics=False)) is None


def test_the_gradient_that_reaches_the_first_layer_is_said(folder):
    page = Page((folder / "report.html").read_text("utf-8"))
    assert "At depth=2 the gradient norm of layer 1 over that of the last layer" in page.text
    assert "1e+02 for activation=sigmoid" in page.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "n", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 6, 17))]
)
def test_any_number_of_seeds_gives_a_report(n, tmp_path):
    errors = [0.03 + seed / 10_000 for seed in range(n)]
    comparison = compare_runs(arms(sigmoid=errors, relu=errors[::-1]))
    assert sentence(comparison) in report(comparison, tmp_path).text


@pytest.mark.slow
def test_variants_without_a_common_seed_give_a_report(tmp_path):
    runs = [make_run({"lr": "1"}, 0, [0.1]), make_run({"lr": "2"}, 1, [0.2])]
    assert "no seed that both finished" in report(compare_runs(runs), tmp_path).text


def test_one_variant_gives_a_report_and_no_differences(tmp_path):
    page = report(compare_runs([make_run({"model": "mlp"}, 0, [0.1, 0.0])]), tmp_path)
    assert "nothing to compare it with" in page.text
    assert not (tmp_path / "differences.png").exists()


def test_a_variant_of_which_no_run_finished_is_listed(tmp_path):
    runs = arms(sigmoid=[0.04], relu=[0.03])
    runs.append(make_run({"activation": "tanh"}, 0, [], status="FAILED", outcome=""))
    page = report(compare_runs(runs, target_error=0.03), tmp_path)
    assert "activation=tanh" in page.text
    assert "1 run failed or did not finish (1 of activation=tanh)" in page.text


@pytest.mark.usefixtures("words_alone")
def test_published_values_are_set_beside_the_range_of_ours(tmp_path):
    published = {"train_error": 0.5, "val_error": 0.032}
    runs = [
        make_run({"model": "mlp"}, seed, [0.03 + seed / 1000], published=published)
        for seed in range(6)
    ]
    page = report(compare_runs(runs), tmp_path)
    words = " ".join(page.text.split())
    assert "Published figures" in words
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", (tmp_path / "report.html").read_text("utf-8"))
    at = cells.index("3.20")
    assert cells[at + 1 : at + 7] == [
        "3.25 ± 0.19",
        "6",
        "3.00 to 3.50",
        "yes",
        "3.00 to 3.50",
        "yes",
    ]
    assert cells[cells.index("50.00") + 4] == "no"


def test_the_searches_are_drawn_and_their_ticks_are_plain_numbers(tmp_path):
    found = search((0, "0.01", 0, 5, 0.09), (1, "0.3", 0, 5, 0.05), (2, "1.0", 0, 5, 0.07))
    tuned = replace(compare_runs(arms(relu=[0.03] * 6)), searches=[found])
    page = report(tuned, tmp_path)
    assert "What tuning found." in page.text
    assert "lr=0.3" in page.text
    figure = page.text[
        page.text.index("Validation error by epoch.") : page.text.index("What tuning")
    ]
    assert {"0.01", "0.1", "1"} <= set(figure.split())
    assert "mathdefault" not in figure


@pytest.mark.usefixtures("words_alone")
def test_runs_of_different_code_are_told_with_the_file(tmp_path):
    code = {"src/rng.py": "a", "src/models/mlp.py": "b"}
    runs = [make_run({"activation": "relu"}, seed, [0.1], code=code) for seed in range(3)]
    assert compare_runs(runs).changed_code == []
    other = {"src/rng.py": "a", "src/models/mlp.py": "c", "src/models/cnn.py": "d"}
    runs.append(make_run({"activation": "tanh"}, 0, [0.1], code=other))
    comparison = compare_runs(runs)
    assert comparison.changed_code == ["src/models/mlp.py"]
    assert "different code" in report(comparison, tmp_path).text
