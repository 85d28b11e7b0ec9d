"""What is plain or silent is like everything else that is: no soft binding leads from it."""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from provenance.fingerprints.media import content_code, fingerprint_media
from provenance.media.sniff import sniff_stream
from provenance.registry.register.register import Register
from provenance.runtime.register_search import SearchedRegister
from provenance.verification.register import BindingMatch
from tests.factory.registers import AT, Desk, stated_file
from tests.factory.scenes import photo
from tests.factory.tracks import encode_track, track

NOW = AT + timedelta(hours=1)


def card(shade: int, *, line: bool = False) -> bytes:
    pixels = np.full((320, 480, 3), shade, np.uint8)
    if line:
        pixels[150:170, 40:440] = 255 - shade
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def scene(quality: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photo(3, size=(480, 320))).save(out, "JPEG", quality=quality)
    return out.getvalue()


def silence(seconds: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(11_025)
        file.writeframes(bytes(2 * 11_025 * seconds))
    return out.getvalue()


def led_to(
    register: Register, desk: Desk, store: tuple[str, bytes], registered: bytes, asked: bytes
) -> tuple[BindingMatch, ...]:
    """Where does the soft binding of what is asked lead, if that is what is registered?"""
    kinds = [sniff_stream(io.BytesIO(data), len(data)) for data in (registered, asked)]
    assert kinds[0] is not None
    assert kinds[1] is not None
    iscc = content_code(io.BytesIO(registered), kinds[0])
    assert iscc is not None
    made = fingerprint_media(io.BytesIO(registered), kinds[0])
    file = stated_file("registered", store=store, iscc=iscc)
    file = replace(file, facts=replace(file.facts, fingerprint=made))
    register.take(desk.release("NOVA9-1", file), at=NOW)
    view = SearchedRegister(register, clock=lambda: NOW).view
    answer = view.resembling(io.BytesIO(asked), kinds[1], at=NOW)
    if answer.iscc is None:
        return ()
    return view.manifests_for_binding("io.iscc.v0", answer.iscc, at=NOW)


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        (card(0), card(0)),
        (card(0), card(255)),
        (card(0), card(200, line=True)),
        (card(200, line=True), card(20)),
        (silence(8), silence(12)),
    ],
    ids=["black", "white", "a line", "a line registered", "silence"],
)
def test_a_registered_card_or_silence_is_not_what_every_card_leads_to(
    register: Register,
    desk: Desk,
    store: tuple[str, bytes],
    registered: bytes,
    asked: bytes,
) -> None:
    assert led_to(register, desk, store, registered, asked) == ()


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        (scene(92), scene(60)),
        (encode_track(track(1)), encode_track(track(1))),
    ],
    ids=["picture", "track"],
)
def test_what_is_neither_leads_to_its_manifest(
    register: Register,
    desk: Desk,
    store: tuple[str, bytes],
    registered: bytes,
    asked: bytes,
) -> None:
    (match,) = led_to(register, desk, store, registered, asked)
    assert match.manifest.label == store[0]


def test_a_binding_that_is_asked_for_by_its_value_is_found_and_nothing_near_it(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    led_to(register, desk, store, card(0), card(0))
    view = SearchedRegister(register, clock=lambda: NOW).view

    def found(data: bytes) -> list[int]:
        kind = sniff_stream(io.BytesIO(data), len(data))
        assert kind is not None
        value = content_code(io.BytesIO(data), kind)
        assert value is not None
        matches = view.manifests_for_binding("io.iscc.v0", value, at=NOW)
        return [match.distance for match in matches]

    assert found(card(0)) == [0]
    assert found(card(200, line=True)) == []


def test_a_binding_that_is_to_count_for_nothing_is_not_looked_up(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    assert led_to(register, desk, store, scene(92), scene(92))
    searched = SearchedRegister(register, clock=lambda: NOW)
    (owned,) = register.codes.codes_since().added
    codes = [code for column in owned.columns for code in column.codes()]
    register.codes.add_negative(
        [(code.algorithm, code.bits) for code in codes if code.algorithm == "iscc-image"],
        why="the cover of every album",
    )
    kind = sniff_stream(io.BytesIO(scene(92)), 100)
    assert kind is not None
    answer = searched.view.resembling(io.BytesIO(scene(92)), kind, at=NOW)
    assert answer.iscc is None
    # What it looks like beside that is still found.
    assert answer.matches
