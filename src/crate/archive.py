"""The archive: an RO-Crate (https://w3id.org/ro/crate) as a ZIP whose every file has a digest.

What is read of one is checked first, and none of it is ever written to disk, imported or run.
"""

import hashlib
import json
import mimetypes
import stat
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from src.errors import InputError
from src.messages.error_text import told_as

METADATA = "ro-crate-metadata.json"
MAX_BYTES = 2**30  # bytes of all files together, unpacked
DIGEST = "sha256"  # https://schema.org/sha256


def write(file: Path, folder: Path, name: str, description: str, about: Mapping[str, Any]) -> str:
    """Pack all that lies in `folder`; return the archive's own SHA-256.

    `about` describes the code that made it, as https://schema.org/SoftwareSourceCode does.
    Raises InputError where it cannot be written.
    """
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.name, crate.description = name, description
    crate.datePublished = datetime.now(UTC)
    crate.license = "unspecified: ask whoever handed this over"
    code = crate.add(ContextEntity(crate, "#code", {"@type": "SoftwareSourceCode", **about}))
    crate.root_dataset["isBasedOn"] = code
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inside = path.relative_to(folder).as_posix()
        content = path.read_bytes()
        described = {DIGEST: hashlib.sha256(content).hexdigest(), "contentSize": str(len(content))}
        described |= {"encodingFormat": mimetypes.guess_type(path.name)[0] or "text/plain"}
        crate.add_file(path, inside, properties={"name": inside, **described})
    with told_as(f"out={file}: cannot be written"), TemporaryDirectory(dir=file.parent) as own:
        made = crate.write_zip(Path(own, "crate.zip"))
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        made.replace(file)
    return digest


def read(file: Path) -> dict[str, bytes]:
    """Return the files of an archive by their names, after each was held against its digest.

    Raises InputError for what is no archive, for names outside its folder, links, files that are
    missing, changed or not listed, and for one that would fill the memory.
    """
    with told_as(f"{file}: no archive that can be read"), zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for entry in entries:
            _check_name(file, entry)
        if sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise InputError(f"{file}: larger than {MAX_BYTES >> 30} GiB when unpacked")
        if len({entry.filename for entry in entries}) < len(entries):
            raise InputError(f"{file}: holds two files of one name")
        found = {entry.filename: archive.read(entry) for entry in entries}
    if METADATA not in found:
        raise InputError(f"{file}: must be an archive of `python -m src.export`; lacks {METADATA}")
    digests = _digests(file, found.pop(METADATA))
    for name in sorted({*digests, *found}):
        if name not in digests:
            raise InputError(f"{file}: {name}: not listed in {METADATA}")
        if name not in found:
            raise InputError(f"{file}: {name}: missing")
        if hashlib.sha256(found[name]).hexdigest() != digests[name]:
            raise InputError(f"{file}: {name}: changed since the archive was made")
    return found


def _check_name(file: Path, entry: zipfile.ZipInfo) -> None:
    name, parts = entry.filename, PurePosixPath(entry.filename).parts
    if name.startswith("/") or "\\" in name or ":" in name or ".." in parts:
        raise InputError(f"{file}: {name!r}: lies outside the archive's folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InputError(f"{file}: {name!r}: a link; an archive holds files alone")


def _digests(file: Path, metadata: bytes) -> dict[str, str]:
    try:
        entities = json.loads(metadata)["@graph"]
        return {each["@id"]: each[DIGEST] for each in entities if each["@type"] == "File"}
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{file}: no RO-Crate of a sweep: {METADATA} is damaged") from error
