"""`python -m src.predict` on a store whose runs were put there."""

import csv

import numpy as np
import pytest
from PIL import Image

from src.errors import InputError
from src.predict import main


@pytest.fixture(scope="module")
def sweep(runs):
    """Two variants of two seeds: the MLP is better, its second seed best of all."""
    jobs = [(f"model={model}", f"seed={seed}") for model in ("softmax", "mlp") for seed in (0, 1)]
    _, found = runs.sweep(*zip(jobs, (0.2, 0.21, 0.11, 0.1), strict=True))
    return found


def pixel_rows(pictures, labels=None) -> str:
    rows = [",".join(map(str, picture.ravel().tolist())) for picture in pictures]
    heads = [""] * len(rows) if labels is None else [f"{label}," for label in labels.tolist()]
    return "\n".join(map("".join, zip(heads, rows, strict=True)))


def outputs(capsys) -> list[list[str]]:
    return [line.split("  ") for line in capsys.readouterr().out.splitlines()]


def by_hand(runs, run_id, pictures) -> np.ndarray:
    """Probabilities of an MLP or softmax regression, from its weights by matrix products."""
    import torch

    folder = runs.workplace.folder / "artifacts" / run_id / "artifacts"
    state = torch.load(folder / "model.pt", weights_only=True)
    x = pictures.reshape(len(pictures), -1).numpy().astype(np.float64) / 255
    layers = sorted({key.partition(".")[0] for key in state}, key=int)
    for place, layer in enumerate(layers):
        x = x @ state[f"{layer}.weight"].numpy().T + state[f"{layer}.bias"].numpy()
        x = x if place == len(layers) - 1 else np.maximum(x, 0)
    shares = np.exp(x - x.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def test_the_best_run_of_the_last_sweep_predicts(runs, sweep, pictures, folder, capsys):
    images, _ = pictures
    (folder / "test.txt").write_text(pixel_rows(images[:50]))
    main([*runs.words, str(folder / "test.txt"), f"out={folder / 'out.csv'}"])
    expected = by_hand(runs, sweep[3], images[:50])
    lines = outputs(capsys)
    assert [line[1] for line in lines] == [str(row.argmax()) for row in expected]
    assert [float(line[2]) for line in lines] == pytest.approx(expected.max(1), abs=6e-4)
    with (folder / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[7]["name"] == f"{folder}/test.txt:8"
    shares = [[float(row[f"p({k})"]) for k in range(10)] for row in rows]
    assert np.abs(shares - expected).max() < 1e-5
    assert {row["true"] for row in rows} == {""}


def test_labels_give_the_error_and_the_confusion_matrix(runs, sweep, pictures, folder, capsys):
    images, labels = pictures
    (folder / "test.csv").write_text(pixel_rows(images, labels))
    main([*runs.words, f"run={sweep[0]}", "--score", str(folder / "test.csv")])
    found = by_hand(runs, sweep[0], images).argmax(1)
    wrong = int((found != labels.numpy()).sum())
    out = capsys.readouterr().out
    assert f"error {wrong / 200:.2%} ({wrong} of 200)" in out
    row = next(line for line in out.splitlines() if line.startswith("3 "))
    cells = [int(cell) for cell in row.split()[1:]]
    assert cells == np.bincount(found[labels.numpy() == 3], minlength=10).tolist()


@pytest.mark.slow
def test_an_ensemble_averages_the_runs_of_the_best_variant(runs, sweep, pictures, folder, capsys):
    (folder / "test.txt").write_text(pixel_rows(pictures[0][:20]))
    mean = (
        by_hand(runs, sweep[2], pictures[0][:20]) + by_hand(runs, sweep[3], pictures[0][:20])
    ) / 2
    for chosen in ("sweep=last", f"run={sweep[2]}"):
        main([*runs.words, chosen, "--ensemble", str(folder / "test.txt")])
        assert [float(line[2]) for line in outputs(capsys)] == pytest.approx(mean.max(1), abs=6e-4)


def test_images_are_fitted_named_and_drawn(runs, sweep, pictures, folder, capsys):
    for place, (digit, label) in enumerate(zip(*pictures, strict=True)):
        if place < 12:
            (folder / str(int(label))).mkdir(exist_ok=True)
            Image.fromarray(digit[0].numpy()).save(folder / str(int(label)) / f"{place}.png")
            (folder / str(int(label)) / "._0.png").write_bytes(b"left by macOS")
    main([*runs.words, str(folder), f"picture={folder.parent / 'sheet.png'}"])
    out = capsys.readouterr().out
    assert "of 12)" in out
    by_name = {line.split("  ")[0]: line for line in out.splitlines()[:12]}
    expected = by_hand(runs, sweep[3], pictures[0][:12]).argmax(1)
    for place, label in enumerate(pictures[1][:12].tolist()):
        assert f"  {expected[place]}  " in by_name[f"{folder}/{label}/{place}.png"]
    with Image.open(folder.parent / "sheet.png") as sheet:
        assert sheet.width > sheet.height > 400


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "FILE: must be given"),
        (["nothing.png"], "nothing.png: must be a file or a folder"),
        ([""], "'': must be a file or a folder"),
        (["{}/broken.png"], "broken.png: no image that can be read"),
        (["{}/empty"], "empty: holds no image file"),
        (["{}/broken.txt"], "broken.txt:1: "),
        (["run=0123", "{}/unlabelled.txt"], "0123: no run with this id"),
        (["run=a", "sweep=b", "{}"], "run=, sweep=: one of run, sweep, model must be given"),
        (["run=", "{}"], "run=: must have a value"),
        (["sweep=0123", "{}"], "sweep=0123: no run with this id"),
        (["run=a", "run=b", "{}"], "run=b: run must be given once"),
        (["model=models:/nobody@champion", "{}"], "nobody@champion: cannot be loaded"),
        (["nonsense=1"], "nonsense: unknown; must be one of --ensemble, "),
        (["--nonsense"], "--nonsense: unknown"),
        (["tracking.nonsense=1", "x"], "nonsense"),
        (["out=/nowhere/o.csv", "{}/unlabelled.txt"], "out=/nowhere/o.csv: cannot be written"),
        (["picture=/proc/o.png", "{}/unlabelled.txt"], "picture=/proc/o.png: cannot be written"),
        (["picture={}/o.txt", "{}/unlabelled.txt"], "o.txt: must end in .png"),
        (["out={}", "{}/unlabelled.txt"], ": cannot be written; must be a file in a folder"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(words, said, runs, sweep, pictures, folder):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    (folder / "broken.txt").write_text("1,2,3,4\n")
    (folder / "unlabelled.txt").write_text(pixel_rows(pictures[0][:1]))
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=r".") as refused:
        main([*runs.words, *(word.replace("{}", str(folder)) for word in words)])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_examples_without_a_label_are_refused_before_any_is_scored(
    runs, sweep, pictures, folder, capsys
):
    images, labels = pictures
    (folder / "labelled.txt").write_text(pixel_rows(images[:3], labels[:3]))
    (folder / "unlabelled.txt").write_text(pixel_rows(images[:2]))
    files = [f"{folder}/labelled.txt", f"{folder}/unlabelled.txt"]
    said = f"^--score: 2 of 5 examples have no label, such as {files[1]}:1; each must have one$"
    with pytest.raises(InputError, match=said):
        main([*runs.words, "--score", *files])
    assert capsys.readouterr().out == ""


def test_a_run_without_weights_is_refused_with_its_reason(runs, sweep, folder):
    failed = runs.job(("model=mlp", "seed=7"), status="FAILED")
    with pytest.raises(InputError, match=f"run={failed}: has no weights: failed"):
        main([*runs.words, f"run={failed}", str(folder)])


@pytest.mark.slow
def test_labels_that_the_model_does_not_know_are_refused(runs, pictures, folder, config):
    run_id = runs.job(("model=softmax", "data.target=high_digit"), classes=2)
    images, labels = pictures
    (folder / "digits.txt").write_text(pixel_rows(images[::10], labels[::10]))
    main([*runs.words, f"run={run_id}", str(folder / "digits.txt")])  # read as the model's target
    run_id = runs.job(("model=softmax",), classes=2)
    with pytest.raises(InputError, match=r"label . of example . *.*knows the classes 0, 1"):
        main([*runs.words, f"run={run_id}", str(folder / "digits.txt")])


def test_a_table_with_a_header_is_read(runs, sweep, pictures, folder, capsys):
    images, labels = pictures
    header = ",".join(["label", *(f"pixel{k}" for k in range(784))])
    (folder / "train.csv").write_text(f"{header}\n{pixel_rows(images[::9], labels[::9])}\n")
    main([*runs.words, f"run={sweep[0]}", str(folder / "train.csv")])
    expected = by_hand(runs, sweep[0], images[::9]).argmax(1)
    wrong = int((expected != labels[::9].numpy()).sum())
    assert f"({wrong} of {len(expected)})" in capsys.readouterr().out


@pytest.mark.slow
def test_rows_of_features_are_predicted_with_words_for_classes(runs, folder, capsys):
    import torch

    names = ["left", "right"]
    run_id = runs.job(
        ("model=softmax", "data=table", f"data.train={folder}/t.csv", "data.label=side",
         "normalize=none"),
        classes=2, shape=(3,), class_names=names,
        state={"1.weight": torch.tensor([[-1.0, 0, 0], [1, 0, 0]]), "1.bias": torch.zeros(2)},
    )  # fmt: skip
    (folder / "t.csv").write_text("x,y,z,side\n-2,0,0,left\n3,9,9,right\n0.5,0,0,left\n")
    main([*runs.words, f"run={run_id}", str(folder / "t.csv")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[1:] == ["left", f"{1 / (1 + np.exp(-4)):.3f}"]
    assert lines[1].split("  ")[1:] == ["right", f"{1 / (1 + np.exp(-6)):.3f}"]
    assert lines[2].endswith("  true: left")
    assert "(1 of 3)" in lines[3]
    for name, content, said in (
        ("u.csv", "x,y,side\n-2,0,left\n", r"holds examples of shape \(2,\); .* takes \(3,\)"),
        ("v.csv", "x,y,z,side\n-2,0,1,up\n", "label up of example 1: .* knows the classes left"),
    ):
        (folder / name).write_text(content)
        with pytest.raises(InputError, match=said):
            main([*runs.words, f"run={run_id}", str(folder / name)])
