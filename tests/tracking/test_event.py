"""Damage of a journal's lines: no reader stumbles, and what is good is used."""

import json
import random
from pathlib import Path

import pytest

from src.answers.recorded_jobs import compare_records
from src.tracking.event import REQUIRED, EventKind, parse
from src.tracking.job_record import fold
from src.tracking.journal import Journal
from src.tracking.mlflow_sink import send
from src.tracking.settings import TrackingSettings
from src.tracking.sweep_journals import SweepJournals
from tests.compare.records import SETTINGS

STORED = Path(__file__).parent / "stored" / "journal_2026_11.jsonl"
WHOLE = {
    EventKind.START: {"name": "a", "tags": {"job": "a"}},
    EventKind.METRICS: {"step": 1, "values": {"val/error": 0.5}},
    EventKind.HISTORY: {"epochs": [{"step": 1, "values": {"val/error": float("nan")}}]},
    EventKind.FINAL: {"values": {"best/epoch": 1}},
    EventKind.FILES: {"paths": ["artifacts/a.txt"]},
    EventKind.LOOK: {"variants": {"activation=relu": {"0": "a job"}}},
    EventKind.TAGS: {"tags": {"note": "late"}},
    EventKind.REQUEUED: {},
    EventKind.END: {"status": "FINISHED"},
}
JUNK = (None, True, 1.5, -1, 10**400, "junk", [], [1], {"a": []}, {"a": 10**400})
FIELDS = [(kind, field) for kind in EventKind for field in ("time", *REQUIRED[kind])]
OF_A_START = {  # and a word that each could hold
    "tags": {
        "kind": "sweep",
        "role": "trial",
        "outcome": "diverged",
        "classes": "10",
        "number": "3",
        "jobs": "4",
        "trial": "0",
        "rung": "1/3",
    },
    "params": {
        "seed": "3",
        "compare.margin": "0.1",
        "published.val_error": "null",
        "metrics.ece.direction": "minimize",
        "metrics.ece.unit": "none",
        "select_by": "val/error",
        "tune.budget": "20",
    },
    "dataset": {"val": 10, "classes": 10, "input_shape": [1, 28, 28], "class_names": ["a"]},
    "identity": {"config": "a", "data": "b", "code": {"c": "d"}},
}


def line(kind: EventKind, **fields: object) -> bytes:
    return json.dumps({"event": kind, "time": 1} | fields).encode()


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_is_read_with_what_it_needs_and_more(kind):
    assert parse(line(kind, **WHOLE[kind], more=[1]))["event"] == kind


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_field_that_a_kind_needs_must_be_there_and_of_its_type(kind, field):
    whole = {"time": 1} | WHOLE[kind]
    lacking = {"event": kind} | {key: value for key, value in whole.items() if key != field}
    with pytest.raises(ValueError, match=f"^{field}: must be given$"):
        parse(json.dumps(lacking).encode())
    for junk in JUNK:
        is_right = junk == "junk" and field == "name"
        is_right |= junk == [] and field in ("epochs", "paths")
        if not is_right:
            with pytest.raises(ValueError, match=f"^{field}: must be "):
                parse(line(kind, **whole | {field: junk}))


@pytest.mark.parametrize(
    ("field", "key"), [(field, key) for field, keys in OF_A_START.items() for key in keys]
)
def test_a_word_of_a_start_that_no_reader_knows_is_damage(field, key):
    start = WHOLE[EventKind.START] | {"dataset": {"name": "d", "digest": "e"}}
    given = start.get(field, {}) | OF_A_START[field]
    assert parse(line(EventKind.START, **start | {field: given}))
    for wrong in (None, "target" if field in ("tags", "params") else [1.5]):
        with pytest.raises(ValueError, match=rf"^{field}\b"):
            parse(line(EventKind.START, **start | {field: given | {key: wrong}}))


@pytest.mark.parametrize("path", ["/etc/passwd", "artifacts/../../a", "config.yaml", ""])
def test_files_elsewhere_are_neither_sent_nor_removed(path):
    with pytest.raises(ValueError, match="paths: must be a list of paths below artifacts"):
        parse(line(EventKind.FILES, paths=["artifacts/a", path]))


def test_an_old_journal_is_whole(tmp_path):
    assert all(map(parse, STORED.read_bytes().splitlines()))


class TestReaders:
    """A sweep of two variants and two seeds, of which one journal is damaged at random."""

    @pytest.fixture
    def tracking(self, workplace) -> TrackingSettings:
        artifacts = f"{workplace.folder}/artifacts"
        return TrackingSettings(workplace.uri, workplace.experiment, artifacts)

    @pytest.fixture
    def sweep(self, tmp_path, tracking) -> Journal:
        sweep = Journal(tmp_path / "sweep")
        sweep.begin(name="sweep", tags={"job": "s", "kind": "sweep"}, tracking=vars(tracking))
        for number in range(4):
            lines = [json.loads(line) for line in STORED.read_bytes().splitlines()]
            lines[0]["tags"] |= {"job": f"{number}", "number": f"{number}", "sweep": "s"}
            lines[0]["tags"] |= {"outcome": "", "role": "reported", "classes": "10"}
            lines[0]["params"] |= {"seed": str(number % 2), "activation": "ab"[number // 2]}
            lines[0]["dataset"] = {"name": "d", "digest": "e", "val": 10}
            lines[0]["tracking"] = vars(tracking)
            folder = Journal(sweep.folder / str(number)).folder
            folder.mkdir()
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / "journal.jsonl").write_text(text)
        return sweep

    @pytest.mark.parametrize("draw", range(20))
    def test_damage_at_random_stops_no_reader(self, draw, sweep, tracking, caplog):
        journals = SweepJournals(sweep)
        send(sweep, tracking.connect)
        damaged = Journal(sweep.folder / "3")
        content = damaged.path.read_bytes()
        damaged.path.write_bytes(damage(content, random.Random(draw)))
        records = journals.records()
        assert {record.number for record in records} >= {0, 1, 2}
        found = compare_records(records, SETTINGS)
        assert len(found.variants[0].runs) == 2
        if fold(damaged):
            send(damaged, tracking.connect)
            assert not damaged.has_unsent


def damage(content: bytes, draw: random.Random) -> bytes:
    """Return a journal with one line damaged."""
    lines = content.splitlines(keepends=True)
    place = draw.randrange(len(lines))
    how = draw.randrange(7)
    if how == 0:  # half a line
        lines[place] = lines[place][: draw.randrange(len(lines[place]))] + b"\n"
    elif how == 1:  # other bytes
        line = bytearray(lines[place])
        for _ in range(3):
            line[draw.randrange(len(line) - 1)] = draw.randrange(256)
        lines[place] = bytes(line)
    elif how == 2:  # other places
        draw.shuffle(lines)
    elif how == 3:
        lines.insert(draw.randrange(len(lines)), lines[place])
    else:  # a field lost, or with junk in it, however deep
        event = json.loads(lines[place])
        node = event
        while True:
            key = draw.choice(list(node))
            if not (isinstance(node[key], dict) and node[key] and draw.random() < 0.7):
                break
            node = node[key]
        if how == 4:
            del node[key]
        else:
            node[key] = draw.choice(JUNK)
        lines[place] = json.dumps(event).encode() + b"\n"
    return b"".join(lines)
