"""Words of a dry run on a job that was trained before, and is trained again."""

from types import SimpleNamespace

import pytest

from src.sweep import decisions, dry_run
from src.sweep.compose import Composed
from src.sweep.decisions import Planned, decide
from src.sweep.dry_run import PlannedAction, show
from src.tracking.job_record import Action
from src.tracking.journal import Journal
from src.tracking.result_index import ResultIndex
from src.tracking.settings import TrackingSettings

CODE = {"src/models/mlp.py": "a", "src/rng.py": "b"}
TYPED = ["model=mlp", "seed=0"]


@pytest.fixture
def index(tmp_path) -> ResultIndex:
    tracking = TrackingSettings("sqlite:///x", "e", "a")
    return ResultIndex(tmp_path / "results", tmp_path / "checkpoints", tracking)


@pytest.fixture
def finish(index, tmp_path):
    """Let a job have finished."""

    def finished(config, identity) -> None:
        journal = Journal(tmp_path / identity.fingerprint)
        fields = {"params": config.flat, "tracking": vars(index.tracking)}
        tags = {"fingerprint": identity.fingerprint}
        journal.begin(name="a", tags=tags, identity=vars(identity), **fields)
        journal.append("metrics", step=1, values={"val/error": 0.5})
        journal.append("final", step=1, values={"best/val_error": 0.5})
        journal.append("end", status="FINISHED", tags={})
        index.add(identity.fingerprint, journal, TYPED)

    return finished


def plans(index, configs, identities, typed) -> list[PlannedAction]:
    rows = zip(configs, identities, typed, strict=True)
    jobs = [Planned(Composed(config, None, False), *rest, []) for config, *rest in rows]
    return list(dry_run.plan(index, jobs, decide(index, jobs)))


@pytest.fixture(autouse=True)
def _no_server(monkeypatch) -> None:
    nothing = SimpleNamespace(attempt=lambda *_: [])
    monkeypatch.setattr(decisions, "start_uploader", lambda: nothing)


def of(config, data="d", code=CODE):
    return config.identity(data, 1, "cpu", code)


def test_a_job_that_was_never_trained_needs_no_reason(index, config):
    own = config(*TYPED)
    assert plans(index, [own], [of(own)], [TYPED]) == [PlannedAction(Action.TRAIN)]


def test_an_equal_job_is_reused_also_from_the_same_sweep(index, config, finish):
    own, other = config(*TYPED), config("model=mlp", "seed=1")
    finish(own, of(own))
    found = plans(index, [own, other, other], [of(own), of(other), of(other)], [TYPED, [], []])
    assert [each.action for each in found] == [Action.REUSE, Action.TRAIN, Action.REUSE]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": "other"}, "changed: data"),
        ({"code": CODE | {"src/rng.py": "c"}}, "changed: src/rng.py"),
        ({"code": {**CODE, "mine.py": "d"}, "data": "other"}, "changed: data, mine.py"),
    ],
)
def test_changed_data_and_code_are_named(index, config, finish, change, said):
    own = config(*TYPED)
    finish(own, of(own))
    assert plans(index, [own], [of(own, **change)], [TYPED]) == [PlannedAction(Action.TRAIN, said)]


def test_of_a_changed_default_the_key_is_named(index, config, finish):
    former, now = config(*TYPED, "model.width=100"), config(*TYPED)
    finish(former, of(former))
    assert plans(index, [now], [of(now)], [TYPED]) == [
        PlannedAction(Action.TRAIN, "changed: model.width")
    ]


def test_a_path_is_no_reason_beside_a_changed_default(index, config, finish):
    former, now = config(*TYPED, "model.width=100", "data.root=/there"), config(*TYPED)
    finish(former, of(former))
    assert plans(index, [now], [of(now)], [TYPED]) == [
        PlannedAction(Action.TRAIN, "changed: model.width")
    ]


def test_the_server_is_asked_for_each_variant_once(index, config, monkeypatch):
    asked = []
    uploader = SimpleNamespace(attempt=lambda *question: asked.append(question) or [])
    monkeypatch.setattr(decisions, "start_uploader", lambda: uploader)
    labels = [[f"order_seed={order}", f"seed={seed}"] for order in (1, 2) for seed in range(3)]
    configs = [config(*label) for label in labels]
    jobs = [
        Planned(Composed(own, None, False), of(own), [], label)
        for own, label in zip(configs, labels, strict=True)
    ]
    decide(index, jobs)
    ((_, fingerprints, variants),) = asked
    assert len(fingerprints) == 6
    assert variants == sorted({own.variant("d").rpartition(" ")[2] for own in configs})
    assert len(variants) == 2


def test_where_reuse_was_refused_nothing_is_looked_up(index, config, finish):
    own = config(*TYPED, "reuse=false")
    finish(own, of(own))
    expected = [PlannedAction(Action.TRAIN, "reuse=false")] * 2
    assert plans(index, [own] * 2, [of(own)] * 2, [TYPED] * 2) == expected


def test_each_job_has_a_line_and_all_a_count(capsys):
    show(
        [PlannedAction(Action.REUSE), PlannedAction(Action.TRAIN, "changed: data")],
        [["seed=0"], ["seed=1"]],
    )
    assert capsys.readouterr().out.splitlines() == [
        "reuse   seed=0",
        "train   seed=1  (changed: data)",
        "1 to reuse, 0 to resume, 1 to train",
    ]


def test_many_jobs_have_a_line_for_each_variant(capsys):
    labels = [[f"seed={seed}", f"epochs={epochs}"] for epochs in (1, 2) for seed in range(500)]
    show([PlannedAction(Action.REUSE)] * 300 + [PlannedAction(Action.TRAIN)] * 700, labels)
    assert capsys.readouterr().out.splitlines() == [
        "reuse   300 x epochs=1",
        "train   200 x epochs=1",
        "train   500 x epochs=2",
        "300 to reuse, 0 to resume, 700 to train",
    ]


def test_many_variants_fit_on_a_screen(capsys):
    show([PlannedAction(Action.TRAIN)] * 2000, [[f"epochs={epochs}"] for epochs in range(2000)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 22
    assert lines[-2:] == [
        "… and 1980 lines more, of other variants",
        "0 to reuse, 0 to resume, 2000 to train",
    ]
