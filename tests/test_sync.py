"""The destination of what an outage kept from a tracking server."""

import pytest

from src import sync
from src.errors import InputError
from src.tracking.journal import Journal
from src.tracking.settings import TrackingSettings


def test_the_journals_destination_is_replaced_by_what_is_typed(tmp_path, monkeypatch):
    reached = []

    def connect(tracking: TrackingSettings) -> None:
        reached.append(tracking)
        raise InputError("it is away")

    monkeypatch.setattr(TrackingSettings, "connect", connect)
    monkeypatch.setenv("HOME", str(tmp_path))
    then = TrackingSettings("http://there", "e", "")
    journal = Journal(tmp_path / "job")
    journal.begin(name="a", tags={"process": "1@0.0@gone"}, params={}, tracking=vars(then))
    journal.append("end", status="FINISHED", tags={})
    for typed, uri in (([], "http://there"), (["~/m.db"], f"{tmp_path}/m.db")):
        words = [f"tracking.uri=sqlite:///{file}" for file in typed]
        with pytest.raises(InputError, match=r"^1 jobs could not be sent$"):
            sync.main([str(journal.folder), *words])
        assert reached.pop() == TrackingSettings("sqlite:///" * len(typed) + uri, "e", "")


def test_jobs_are_sent_by_their_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(TrackingSettings, "connect", lambda _: None)
    monkeypatch.setattr("src.tracking.mlflow_sink.send", lambda *_: 1)
    for number in ("10", "2"):
        journal = Journal(tmp_path / number)
        journal.begin(name="a", tags={"process": "1@0.0@gone", "number": number}, tracking={})
        journal.append("end", status="FINISHED", tags={})
    sync.main([str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"{tmp_path / number}: 1 events sent" for number in ("2", "10")
    ]


@pytest.mark.slow
def test_a_search_is_sent_before_its_trials(workplace, capsys):
    artifacts = f"{workplace.folder}/artifacts"
    tracking = vars(TrackingSettings(workplace.uri, workplace.experiment, artifacts))
    sweep = workplace.folder / "sweep"
    above = {"sweep": "s", "machine": "elsewhere"}
    for place, tags in (
        (sweep, {"job": "s", "kind": "sweep"}),
        (sweep / "0", {**above, "job": "t", "role": "trial", "number": "0", "parent": "p"}),
        (sweep / "searches" / "0", {**above, "job": "p", "kind": "search"}),
    ):
        journal = Journal(place)
        journal.begin(name="a", tags={"process": "1@0.0@gone"} | tags, tracking=tracking)
        journal.append("end", status="FINISHED")
    sync.main([str(sweep)])
    assert capsys.readouterr().out.endswith("3 jobs had something to send\n")
