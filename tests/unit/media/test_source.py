from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provenance.errors import LimitError, SourceError
from provenance.limits import Limits
from provenance.media.source import Source, open_source

DATA = bytes(range(256)) * 4
# Everything above 100 bytes is large, so that large files are cheap here.
SMALL = Limits(copy_below_bytes=100, max_asset_bytes=5_000, source_idle_s=0.05)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that is read in place. Its times lie back, so that any write shows."""
    path = tmp_path / "teaser.mp4"
    path.write_bytes(DATA)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda _path: DATA, id="bytes"),
        pytest.param(lambda path: path, id="path"),
        pytest.param(str, id="string"),
        pytest.param(lambda _path: io.BytesIO(DATA), id="stream"),
    ],
)
@pytest.mark.parametrize("limits", [Limits(), SMALL])
def test_every_source_gives_its_bytes(
    make: Callable[[Path], Source], limits: Limits, large: Path
) -> None:
    with open_source(make(large), limits=limits) as opened:
        assert opened.size_bytes == len(DATA)
        assert opened.sha256() == hashlib.sha256(DATA).hexdigest()
        assert opened.head(7) == DATA[:7]
        opened.stream.seek(0)
        assert opened.stream.read() == DATA
        assert not opened.has_changed()


def test_the_name_is_the_files_own_unless_another_is_given(large: Path) -> None:
    with open_source(large) as opened:
        assert opened.name == "teaser.mp4"
    with open_source(large, name="upload") as opened:
        assert opened.name == "upload"
    with open_source(DATA) as opened:
        assert opened.name is None


def test_a_stream_is_read_from_where_it_stands_and_stays_open() -> None:
    stream = io.BytesIO(DATA)
    stream.seek(1000)
    with open_source(stream) as opened:
        assert opened.size_bytes == 24
    assert not stream.closed


def test_what_was_opened_is_closed(large: Path) -> None:
    with open_source(large, limits=SMALL) as opened:
        stream = opened.stream
    assert stream.closed


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def _truncate(path: Path) -> None:
    os.truncate(path, 10)


def _replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(DATA)
    other.replace(path)


def _look(path: Path) -> None:
    path.read_bytes()


@pytest.mark.parametrize("change", [_overwrite, _append, _truncate, _replace])
def test_a_large_file_that_changes_is_noticed(change: Callable[[Path], None], large: Path) -> None:
    with open_source(large, limits=SMALL) as opened:
        assert not opened.has_changed()
        change(large)
        assert opened.has_changed()


def test_a_large_file_that_is_only_looked_at_has_not_changed(large: Path) -> None:
    with open_source(large, limits=SMALL) as opened:
        _look(large)
        assert not opened.has_changed()


@pytest.mark.parametrize("change", [_overwrite, _append, _truncate, _replace])
def test_a_small_file_is_a_copy_that_nothing_changes(
    change: Callable[[Path], None], large: Path
) -> None:
    with open_source(large) as opened:
        change(large)
        assert not opened.has_changed()
        assert opened.sha256() == hashlib.sha256(DATA).hexdigest()


def test_a_file_is_large_above_the_limit_and_not_at_it(tmp_path: Path) -> None:
    for size, live in ((100, False), (101, True)):
        path = tmp_path / f"{size}.bin"
        path.write_bytes(bytes(size))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        with open_source(path, limits=SMALL) as opened:
            _append(path)
            assert opened.has_changed() is live


def test_a_pipe_is_read_to_its_end(pipe: Path) -> None:
    def send() -> None:
        with pipe.open("wb", buffering=0) as out:
            for at in range(0, len(DATA), 100):
                out.write(DATA[at : at + 100])

    sender = threading.Thread(target=send)
    sender.start()
    # A thread may be slow to begin; the twin below waits for nobody.
    with open_source(pipe, limits=Limits(source_idle_s=10)) as opened:
        assert opened.sha256() == hashlib.sha256(DATA).hexdigest()
        assert opened.name == "pipe"
    sender.join()


def test_a_pipe_that_nobody_writes_to_is_given_up(pipe: Path) -> None:
    with pytest.raises(SourceError, match="pipe: a pipe that sent nothing for 50 ms"):
        _open_and_close(pipe, SMALL)


def test_a_pipe_that_falls_silent_is_given_up(pipe: Path) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    os.write(writer, b"begun")
    try:
        with pytest.raises(SourceError, match="sent nothing for 50 ms"):
            _open_and_close(pipe, SMALL)
    finally:
        os.close(writer)
        os.close(reader)


def test_a_stream_that_does_not_wait_is_not_taken_for_ended() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.write(writer, b"the beginning")
    with (
        os.fdopen(writer, "wb"),
        os.fdopen(reader, "rb", buffering=0) as stream,
        pytest.raises(SourceError, match="stream: a stream that does not wait for its data"),
    ):
        _open_and_close(stream, SMALL)


@pytest.fixture
def unix_socket(tmp_path: Path) -> Iterator[Path]:
    # A path to a socket may hold about a hundred bytes.
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("plug")
            yield tmp_path / "plug"
    finally:
        os.chdir(here)


def test_what_is_no_file_is_refused(tmp_path: Path, unix_socket: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    (tmp_path / "plain").write_bytes(b"x")
    for path, reason in (
        (tmp_path, "is a folder, expected a file"),
        (tmp_path / "missing.jpg", "cannot be opened: no such file or directory"),
        (tmp_path / "plain" / "inside", "cannot be opened: not a directory"),
        (tmp_path / ("n" * 300), "cannot be opened: file name too long"),
        (circle, "cannot be opened: its symbolic links lead round in a circle"),
        (Path("/dev/zero"), "expected a file or a pipe, got a device or socket"),
        (unix_socket, "cannot be opened: no such device or address"),
    ):
        with pytest.raises(SourceError) as error:
            _open_and_close(path, SMALL)
        assert str(error.value) == f"{path}: {reason}"


@pytest.mark.parametrize("name", ["a\0b.jpg", "half\ud800.jpg"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match=r"cannot be opened"):
        _open_and_close(name, SMALL)


def test_a_link_to_a_file_is_the_file(large: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(large)
    with open_source(link) as opened:
        assert opened.sha256() == hashlib.sha256(DATA).hexdigest()


def test_a_source_over_the_limit_is_refused_and_one_at_it_is_not(
    tmp_path: Path, pipe: Path
) -> None:
    limits = Limits(max_asset_bytes=1000, copy_below_bytes=100, source_idle_s=10)
    for size in (1000, 1001):
        path = tmp_path / "asset"
        path.write_bytes(bytes(size))
        sender = threading.Thread(target=pipe.write_bytes, args=(bytes(size),))
        sender.start()
        sources: list[Source] = [bytes(size), path, io.BytesIO(bytes(size)), pipe]
        for source in sources:
            if size == 1000:
                _open_and_close(source, limits)
                continue
            with pytest.raises(LimitError, match=r"1001 bytes is more than max_asset_bytes \(1000"):
                _open_and_close(source, limits)
        sender.join()


def test_an_endless_stream_is_read_no_further_than_the_limit() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            self.given += len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(LimitError, match="max_asset_bytes"):
        _open_and_close(endless, SMALL)  # type: ignore[arg-type]
    assert endless.given <= 2 * 1024 * 1024


def test_a_stream_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("wb") as stream,
        pytest.raises(SourceError, match="stream: cannot be read"),
    ):
        _open_and_close(stream, SMALL)


def test_an_empty_source_is_opened_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    for source in (b"", path, io.BytesIO()):
        with open_source(source) as opened:
            assert opened.size_bytes == 0
            assert opened.head(4) == b""


def _open_and_close(source: Source, limits: Limits) -> None:
    with open_source(source, limits=limits):
        pass
