"""Messages between a pool and its workers, and what is made of an end that is gone."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from provenance.runtime.workers.channel import Channel, ChannelClosedError, ChannelTimeoutError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "a").write_bytes(b"of the file")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


class ReadAndGone(socket.socket):
    """A socket whose other side has read the message, answered and died before the next call."""

    other: socket.socket
    stays = False

    def sendmsg(self, *arguments: Any) -> int:
        sent = super().sendmsg(*arguments)
        document, files = Channel(self.other, takes_files=True).receive_document()
        assert document == {"name": "a", "files": 1}
        for descriptor in files:
            os.close(descriptor)
        Channel(self.other).send(b"B")
        if not self.stays:
            self.other.close()
        return sent


@pytest.mark.parametrize("stays", [False, True])
def test_a_message_that_was_read_was_sent_whatever_became_of_its_reader(
    pair: Pair, file: int, *, stays: bool
) -> None:
    """A file that killed its worker at once was blamed on nobody, and then on the pool."""
    with ReadAndGone(fileno=os.dup(pair[0].fileno())) as held:
        held.other, held.stays = pair[1], stays
        channel = Channel(held)
        channel.send_document({"name": "a"}, [file])
        assert channel.receive(time.monotonic() + 5) == (b"B", [])


def test_what_nobody_can_read_is_not_sent(pair: Pair, file: int) -> None:
    pair[1].close()
    with pytest.raises(ChannelClosedError):
        Channel(pair[0]).send_document({"name": "a"}, [file])


@pytest.mark.parametrize("count", [0, 1, 250, 251, 600])
def test_files_arrive_with_their_message(pair: Pair, file: int, count: int) -> None:
    Channel(pair[0]).send_document({"name": "a"}, [file] * count)
    receiver = Channel(pair[1], takes_files=True)
    document, files = receiver.receive_document(time.monotonic() + 5)
    assert document == {"name": "a", "files": count}
    assert len(files) == count
    for descriptor in files:
        assert os.pread(descriptor, 4, 0) == b"of t"
        os.close(descriptor)


@pytest.mark.parametrize(
    "raw",
    [b"\0\0\0\2no", b"\0\0\0\2[]", b"\xff\xff\xff\xff", b"\0\0\0\5ab"],
    ids=["no JSON", "no object", "too long", "cut off"],
)
def test_what_keeps_to_no_form_ends_the_conversation(pair: Pair, raw: bytes) -> None:
    pair[0].sendall(raw)
    pair[0].close()
    with pytest.raises(ChannelClosedError):
        Channel(pair[1]).receive_document(time.monotonic() + 5)


def test_silence_is_waited_for_until_the_deadline(pair: Pair) -> None:
    with pytest.raises(ChannelTimeoutError):
        Channel(pair[0]).receive(time.monotonic() + 0.05)


def open_here() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count


def test_files_that_nobody_asked_for_are_not_kept_open(pair: Pair, file: int) -> None:
    """A worker that a file has taken over could use up all that its parent may have open."""
    before = open_here()
    for _ in range(10):
        Channel(pair[0]).send(b"not a file", [file] * 200)
        message, files = Channel(pair[1]).receive(time.monotonic() + 5)
        assert (message, files) == (b"not a file", [])
    assert open_here() == before
    Channel(pair[0]).send(b"a file", [file])
    _, (descriptor,) = Channel(pair[1], takes_files=True).receive(time.monotonic() + 5)
    os.close(descriptor)


def test_one_who_does_not_read_is_waited_for_until_the_deadline(pair: Pair) -> None:
    begin = time.monotonic()
    with pytest.raises(ChannelTimeoutError):
        Channel(pair[0]).send(bytes(10_000_000), deadline=begin + 0.2)
    assert time.monotonic() - begin < 5


def test_one_who_reads_slowly_gets_all_of_it(pair: Pair) -> None:
    message = os.urandom(3_000_000)
    with ThreadPoolExecutor(1) as other:
        read = other.submit(Channel(pair[1]).receive)
        Channel(pair[0]).send(message, deadline=time.monotonic() + 30)
        assert read.result() == (message, [])


def test_one_who_speaks_byte_by_byte_is_not_listened_to_for_ever(pair: Pair) -> None:
    """There was always something ready, so the deadline never came."""
    pair[0].sendall((200_000_000).to_bytes(4))
    stop = threading.Event()

    def dribble() -> None:
        with suppress(OSError):
            while not stop.is_set():
                pair[0].send(b"x" * 64)

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        begin = time.monotonic()
        with pytest.raises(ChannelTimeoutError):
            Channel(pair[1]).receive(begin + 0.3)
        assert time.monotonic() - begin < 3
    finally:
        stop.set()
        pair[1].close()
        thread.join()
