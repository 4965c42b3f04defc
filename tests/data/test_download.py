"""Downloads, from mirrors on the loopback address: no test leaves this machine."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torchvision

from src.data import download
from src.errors import InputError
from tests.data.idx import TEST_LABELS, TRAIN_IMAGES, put


@contextmanager
def serving(monkeypatch, handler: type) -> Iterator[None]:
    """A server that is torchvision's only mirror."""
    handler = type("Quiet", (handler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,)
        )  # seconds until a stop is seen
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [address])
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def packed(monkeypatch, small, tmp_path):
    """A folder with the small dataset packed, and with the checksums that torchvision expects."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    resources = []
    for file, body in small.items():
        packed = gzip.compress(body, mtime=0)
        (folder / f"{file}.gz").write_bytes(packed)
        resources.append((f"{file}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    return folder


def files_of(folder) -> type:
    """A handler that serves a folder's files."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments, directory=str(folder))

    return Files


def test_a_dataset_that_is_not_there_is_downloaded(monkeypatch, packed, small, tmp_path):
    with serving(monkeypatch, files_of(packed)):
        assert download.ensure("mnist", str(tmp_path))
    raw = download.folder("mnist", str(tmp_path))
    assert {file: (raw / file).read_bytes() for file in small} == small


def test_a_download_that_fails_its_checksum_is_no_download(monkeypatch, packed, tmp_path):
    (packed / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(b"something else"))
    with serving(monkeypatch, files_of(packed)):
        assert not download.ensure("mnist", str(tmp_path))


@pytest.mark.parametrize("stalls", [True, False])
def test_a_mirror_that_stops_in_mid_file_is_no_mirror(stalls, monkeypatch, packed, tmp_path):
    given_up = threading.Event()

    class Stopping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"the beginning")
            if stalls:
                given_up.wait()

    monkeypatch.setattr(download, "CONNECT_TIMEOUT", 0.2)
    with serving(monkeypatch, Stopping):
        try:
            assert not download.ensure("mnist", str(tmp_path))
        finally:
            given_up.set()


def test_a_mirror_that_talks_something_else_is_no_mirror(monkeypatch, packed, tmp_path):
    class Babbling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"220 smtp.example ESMTP\r\n")

    with serving(monkeypatch, Babbling):
        assert not download.ensure("mnist", str(tmp_path))


def test_files_that_are_there_need_no_mirror(monkeypatch, small, tmp_path):
    put(small, "mnist", tmp_path)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["unheard-of://mirror/"])
    assert download.ensure("mnist", str(tmp_path))


def test_a_root_that_cannot_be_written_is_named(monkeypatch, packed, tmp_path):
    (tmp_path / "file").write_text("")
    with (
        serving(monkeypatch, files_of(packed)),
        pytest.raises(InputError, match=r"/file: must be a folder that can .*: Not a dir"),
    ):
        download.ensure("mnist", f"{tmp_path}/file")


def test_without_a_network_nothing_is_downloaded_and_nothing_made(no_network, tmp_path):
    assert not download.ensure("mnist", str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_name_server_that_never_answers_counts_as_no_network(monkeypatch, small, tmp_path):
    silence = threading.Event()
    monkeypatch.setattr(download, "CONNECT_TIMEOUT", 0.05)

    def swallow(*_: object, **__: object) -> None:
        silence.wait()
        raise ConnectionError

    monkeypatch.setattr(download.urllib.request, "urlopen", swallow)
    try:
        assert not download.ensure("mnist", str(tmp_path))
    finally:
        silence.set()


def test_files_of_the_user_are_neither_overwritten_nor_removed(
    monkeypatch, packed, small, tmp_path
):
    raw = put(small, "mnist", tmp_path)
    (raw / TEST_LABELS).unlink()
    own = {raw / TRAIN_IMAGES: b"mine", raw / f"{TEST_LABELS}.gz": b"mine too"}
    own |= {raw / "notes.txt": b"n", tmp_path / "MNIST" / "processed.pt": b"p"}
    for path, body in own.items():
        path.write_bytes(body)
    with serving(monkeypatch, files_of(packed)):
        assert download.ensure("mnist", str(tmp_path))
    assert (raw / TEST_LABELS).read_bytes() == small[TEST_LABELS]
    assert {path: path.read_bytes() for path in own} == own
    assert {path.name for path in tmp_path.iterdir()} == {"MNIST", "mirror"}


def test_packed_files_are_unpacked_without_a_mirror_even_if_packed_again(
    no_network, small, tmp_path
):
    raw = put({}, "mnist", tmp_path)
    for file, body in small.items():
        (raw / f"{file}.gz").write_bytes(gzip.compress(body, compresslevel=1))
    assert download.ensure("mnist", str(tmp_path))
    assert {file: (raw / file).read_bytes() for file in small} == small
    assert len(list(raw.iterdir())) == 2 * len(small)


def test_half_a_packed_file_is_no_file(no_network, small, tmp_path):
    raw = put(small, "mnist", tmp_path)
    (raw / TEST_LABELS).unlink()
    packed = gzip.compress(small[TEST_LABELS])
    (raw / f"{TEST_LABELS}.gz").write_bytes(packed[: len(packed) // 2])
    assert not download.ensure("mnist", str(tmp_path))
    assert download.missing("mnist", str(tmp_path)) == [raw / TEST_LABELS]
