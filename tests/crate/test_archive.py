"""Archives: every byte has a digest, and nothing of one that was changed is let in."""

import hashlib
import json
import stat
import zipfile

import pytest

from src.crate import archive
from src.errors import InputError


@pytest.fixture
def made(tmp_path):
    folder = tmp_path / "folder"
    (folder / "report").mkdir(parents=True)
    (folder / "results.json").write_text("[]")
    (folder / "report" / "report.html").write_text("<p>better</p>")
    file = tmp_path / "made.zip"
    digest = archive.write(file, folder, "Which?", "This one.", {"name": "x", "version": "1"})
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    return file


def records(file) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rewritten(file, contents: dict[str, bytes], links: tuple[str, ...] = ()) -> None:
    with zipfile.ZipFile(file, "w") as target:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            if name in links:
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            target.writestr(entry, content)


def test_what_was_packed_is_read(made):
    assert archive.read(made) == {"results.json": b"[]", "report/report.html": b"<p>better</p>"}


def test_the_archive_is_an_ro_crate_of_the_specification(made, tmp_path):
    # https://www.researchobject.org/ro-crate/specification/1.1/root-data-entity.html
    graph = json.loads(records(made)["ro-crate-metadata.json"])["@graph"]
    by_id = {entity["@id"]: entity for entity in graph}
    assert by_id["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert by_id["ro-crate-metadata.json"]["conformsTo"]["@id"].endswith("ro/crate/1.1")
    root = by_id["./"]
    assert root["@type"] == "Dataset"
    assert (root["name"], root["description"]) == ("Which?", "This one.")
    assert {"datePublished", "license"} <= root.keys()
    parts = {part["@id"] for part in root["hasPart"]}
    assert parts == {"results.json", "report/report.html"}
    from rocrate.rocrate import ROCrate

    assert {entity.id for entity in ROCrate(made).data_entities} == parts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"results.json": b"[1]"}, "results.json: changed since the archive was made"),
        ({"report/report.html": None}, "report/report.html: missing"),
        ({"more.txt": b""}, "more.txt: not listed"),
        ({"../escaped.txt": b""}, "'../escaped.txt': lies outside"),
        ({"/etc/escaped": b""}, "'/etc/escaped': lies outside"),
        ({"a/../../escaped": b""}, "'a/../../escaped': lies outside"),
        ({"C:\\escaped": b""}, "escaped': lies outside"),
        ({"ro-crate-metadata.json": None}, "src.export`; lacks ro-crate-metadata.json"),
        ({"ro-crate-metadata.json": b"{}"}, "ro-crate-metadata.json is damaged"),
        ({"ro-crate-metadata.json": b'{"@graph": [1]}'}, "ro-crate-metadata.json is damaged"),
    ],
)
def test_a_changed_archive_is_refused_in_a_line(change, said, made):
    rewritten(made, {k: v for k, v in {**records(made), **change}.items() if v is not None})
    with pytest.raises(InputError) as refused:
        archive.read(made)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_link_is_refused(made):
    rewritten(made, {**records(made), "link": b"/etc/passwd"}, links=("link",))
    with pytest.raises(InputError, match="'link': a link"):
        archive.read(made)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(made):
    with zipfile.ZipFile(made, "a") as opened:
        opened.writestr("results.json", "[2]")
    with pytest.raises(InputError, match="two files of one name"):
        archive.read(made)


def test_an_archive_that_would_fill_the_memory_is_refused(made, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        archive.read(made)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more", b"text"])
def test_what_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(InputError, match="no archive that can be read"):
        archive.read(tmp_path / "x.zip")
    with pytest.raises(InputError, match="no archive that can be read"):
        archive.read(tmp_path / "nothing.zip")


@pytest.mark.slow
def test_an_archive_with_any_byte_changed_is_read_as_it_was_or_refused(made, tmp_path):
    content, damaged, files = made.read_bytes(), tmp_path / "damaged.zip", archive.read(made)
    refused = 0
    for place in range(len(content)):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            assert archive.read(damaged) == files  # a date has no digest
        except InputError:
            refused += 1
    assert refused > len(content) // 2
