"""Captions of a film in fragments are read for positions like those of any other film."""

from __future__ import annotations

import io
import time
from typing import NamedTuple

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import find_private
from tests.factory import media
from tests.factory.metadata import box

_POSITION = "F/2.8, GPS (126.9780, 37.5665, 15), D 24.26m"


class _Form(NamedTuple):
    """Where a fragment says that its samples begin, and how long they are."""

    base: str
    size: str
    version: int = 0


_FORMS = [
    *(_Form(base, "run") for base in ("file", "moof", "before")),
    *(_Form("moof", size) for size in ("head", "movie")),
    _Form("moof", "run", version=1),
]


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def _track(number: int, kind: bytes, version: int) -> bytes:
    head = box(
        b"tkhd",
        bytes([version, 0, 0, 7]),
        bytes(16 if version else 8),
        _numbers(number),
        bytes(60),
    )
    handler = box(b"hdlr", bytes(8), b"sbtl", bytes(13))
    entry = box(b"stsd", _numbers(0, 1), box(kind, bytes(8)))
    table = box(b"stbl", entry, box(b"stco", bytes(8)))
    return box(b"trak", head, box(b"mdia", handler, box(b"minf", table)))


def _fragment(at: int, samples: list[bytes], form: _Form) -> bytes:
    """A fragment that lies there: other samples first, then those of the captions."""
    others = b"picture" * 100
    size = len(samples[0])
    content = others + b"".join(samples)

    def whole(moof_bytes: int) -> bytes:
        data_at = moof_bytes + 8
        first = box(b"tfhd", _numbers(0x020010, 1, len(others)))
        first += box(b"trun", _numbers(1, 1, data_at))
        flags = {"file": 1, "moof": 0x020000, "before": 0}[form.base]
        base = (at + data_at).to_bytes(8, "big") if form.base == "file" else b""
        flags |= 0x10 if form.size == "head" else 0
        told = _numbers(size) if form.size == "head" else b""
        second = box(b"tfhd", _numbers(flags, 2), base, told)
        offset = {"file": len(others), "moof": data_at + len(others), "before": 0}[form.base]
        run = (0x1 if offset else 0) | (0x300 if form.size == "run" else 0)
        fields = b"".join(_numbers(40, len(s)) for s in samples) if form.size == "run" else b""
        start = _numbers(offset) if offset else b""
        second += box(b"trun", _numbers(run, len(samples)), start, fields)
        return box(b"moof", box(b"traf", first), box(b"traf", second))

    return whole(len(whole(0))) + box(b"mdat", content)


def _film(captions: list[list[str]], form: _Form, kind: bytes = b"tx3g") -> bytes:
    movie = box(
        b"moov",
        _track(1, b"avc1", form.version),
        _track(2, kind, form.version),
        box(b"mvex", box(b"trex", _numbers(0, 2, 1, 40, 64, 0))),
    )
    film = media.mp4(1) + movie
    for texts in captions:
        samples = [(len(t).to_bytes(2, "big") + t.encode()).ljust(64, b" ") for t in texts]
        film += _fragment(len(film), samples, form)
    return film


def _names(data: bytes) -> set[str]:
    reading = find_private(io.BytesIO(data), FORMATS["mp4"])
    assert reading.unreadable == ()
    return {field.name for field in reading.fields}


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("kind", [b"tx3g", b"wvtt"])
def test_a_position_in_captions_of_a_fragment_is_found(kind: bytes, form: _Form) -> None:
    silent = [["NOVA9"], ["on", "stage"], ["NOVA9"]]
    assert _names(_film(silent, form, kind)) == set()
    told = [*silent[:2], ["NOVA9", _POSITION], silent[2]]
    assert _names(_film(told, form, kind)) == {f"track:{kind.decode()}"}


def test_what_only_another_track_says_is_none_of_the_captions() -> None:
    """Of a run with a size of its own nothing is read beyond it."""
    form = _Form("moof", "run")
    film = _film([["NOVA9"]], form)
    assert _names(film + box(b"mdat", _POSITION.encode())) == set()


def test_runs_without_end_are_done_with_quickly() -> None:
    film = _film([["NOVA9"]], _Form("moof", "run"))
    head = box(b"tfhd", _numbers(0x020000, 2))
    run = box(b"trun", _numbers(0x200, 2**32 - 1), bytes(1024 * 1024))
    started = time.process_time()
    reading = find_private(
        io.BytesIO(film + box(b"moof", box(b"traf", head, run * 9))), FORMATS["mp4"]
    )
    assert time.process_time() - started < 3
    assert any("tables of more than" in sentence for sentence in reading.unreadable)
    few = film + box(b"moof", box(b"traf", head, run * 2))
    assert _names(few) == set()
