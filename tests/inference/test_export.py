"""`python -m src.export` of models: the same logits in other programs."""

import json

import numpy as np
import pytest
import torch

from src.errors import InputError
from src.export import main
from src.inference import restore
from src.inference.publish import publish_run


@pytest.fixture(scope="module", params=["softmax", "mlp", "cnn"])
def run_id(request, runs):
    return runs.job((f"model={request.param}", "activation=gelu"))


@pytest.mark.slow  # torch.export takes seconds to import
def test_an_exported_model_gives_the_same_logits(run_id, runs, pictures, tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    record = runs.source.run(run_id)
    (eager,) = restore.from_weights(runs.source.fetch, record).members
    for is_published in (False, True):
        if is_published:
            publish_run(runs.store, record)
        for suffix in ("onnx", "pt2", "pt"):
            main([*runs.words, f"run={run_id}", f"out={tmp_path}/model.{suffix}"])
            assert "(N, 1, 28, 28) pixels in [0, 1] to (N, 10) logits" in capsys.readouterr().out
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        assert json.loads(session.get_modelmeta().custom_metadata_map["classes"])[3] == "3"
        program = torch.export.load(tmp_path / "model.pt2").module()
        state = torch.load(tmp_path / "model.pt", weights_only=True)
        assert all((eager.state_dict()[key] == value).all() for key, value in state.items())
        assert len(state) == len(eager.state_dict())
        for n in (1, 2, 7):
            x = pictures[0][:n].float() / 255
            expected = eager(x).detach().numpy()
            (found,) = session.run(["logits"], {"pixels": x.numpy()})
            assert np.abs(found - expected).max() < 1e-5
            assert np.abs(program(x).detach().numpy() - expected).max() < 1e-5


@pytest.mark.slow
def test_a_model_of_a_table_takes_features(runs, tmp_path, capsys):
    table = ("data=table", f"data.train={tmp_path}/t.csv", "data.label=side", "normalize=none")
    state = {"1.weight": torch.zeros(2, 3), "1.bias": torch.zeros(2)}
    made = {"classes": 2, "shape": (3,), "class_names": ["left", "right"], "state": state}
    run_id = runs.job(("model=softmax", *table), **made)
    main([*runs.words, f"run={run_id}", f"out={tmp_path}/model.pt"])
    assert "(N, 3) features to (N, 2) logits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "out=FILE: must be given"),
        (["out="], "out=: must have a value"),
        (["out=model.h5"], "out=model.h5: must end in .zip or .onnx or .pt2 or .pt"),
        (["out=/nowhere/model.pt"], "out=/nowhere/model.pt: cannot be written; must be a file"),
        (["out=/proc/model.pt"], "out=/proc/model.pt: cannot be written"),
        (["out=a.zip", "run=x"], "run=: an archive holds a sweep"),
        (["out=a.pt", "more"], "more: unknown"),
    ],
)
def test_bad_input_is_one_line(words, said, runs):
    runs.sweep((("model=softmax", "seed=0"), 0.1))
    with pytest.raises(InputError) as refused:
        main([*runs.words, *words])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_package_that_onnx_takes_is_missed_before_the_model_is_loaded(monkeypatch):
    monkeypatch.setattr("src.export.find_spec", lambda name: None if name == "onnx" else ...)
    with pytest.raises(InputError, match=r"^out=a.onnx: must have the package onnx; `pip"):
        main(["out=a.onnx"])
