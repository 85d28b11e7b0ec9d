"""A look for resemblances ends in time, and says what it left out."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from provenance.fingerprints.media import fingerprint_media
from provenance.limits import DEFAULT_LIMITS
from provenance.media.sniff import sniff_stream
from provenance.registry.register.register import Register
from provenance.registry.search.reader import LocalSearch
from provenance.registry.search.resembler import resembling
from provenance.runtime.register_search import SearchedRegister
from tests.factory.clips import clip, encode_clip
from tests.factory.registers import AT, Desk, stated_file
from tests.factory.tracks import encode_track, track

NOW = AT + timedelta(hours=1)


@pytest.mark.parametrize("kind", ["video", "sound"])
def test_it_ends_when_its_time_is_over(register: Register, desk: Desk, kind: str) -> None:
    made = {
        "video": lambda: encode_clip(clip(1, seconds=6)),
        "sound": lambda: encode_track(track(1, seconds=12)),
    }
    data = made[kind]()
    media_format = sniff_stream(io.BytesIO(data), len(data))
    assert media_format is not None
    file = stated_file("registered")
    fingerprint = fingerprint_media(io.BytesIO(data), media_format)
    file = replace(file, facts=replace(file.facts, fingerprint=fingerprint))
    register.take(desk.release("NOVA9-1", file), at=NOW)
    searched = SearchedRegister(register, clock=lambda: NOW)
    searched.projection.update()
    search = LocalSearch(searched.projection, searched.view, NOW)

    found = resembling(search, io.BytesIO(data), media_format)
    assert [match.file.release.release for match in found.matches] == ["NOVA9-1"]
    assert not any("the rest was not" in why for why in found.why_not)

    # Its twin: all but no time.
    short = replace(DEFAULT_LIMITS, resemblance_s=1e-9)
    found = resembling(search, io.BytesIO(data), media_format, limits=short)
    assert found.matches == ()
    assert found.not_run is not None
    assert f"{kind}: its first 0 seconds were" in found.not_run
    assert "and the rest was not" in found.not_run


def test_what_is_left_out_of_every_track_alike_costs_it_no_soft_binding(
    register: Register,
) -> None:
    """Registering and looking up stop at the same second: the codes are of the same part."""
    data = encode_track(track(1, seconds=12))
    media_format = sniff_stream(io.BytesIO(data), len(data))
    assert media_format is not None
    searched = SearchedRegister(register, clock=lambda: NOW)
    search = LocalSearch(searched.projection, searched.view, NOW)
    first = replace(DEFAULT_LIMITS, max_media_s=8)
    found = resembling(search, io.BytesIO(data), media_format, limits=first)
    assert "sound: stopped at max_media_s (8)" in found.why_not
    assert found.iscc is not None
    assert resembling(search, io.BytesIO(data), media_format).iscc not in {None, found.iscc}
