"""What a process that has met a stranger's file says of it is looked at again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import RegisterError
from provenance.fingerprints.media import fingerprint_media
from provenance.media.source import open_source
from provenance.registry.register.intake import read_signed_file
from provenance.registry.register.stated_lines import read_stated, write_stated
from provenance.registry.register.stating import StatedFile


@pytest.fixture(scope="module")
def stated(signed_jpeg: bytes) -> StatedFile:
    """A signed picture, read as a worker reads it."""
    with open_source(signed_jpeg) as opened:
        return read_signed_file(
            opened,
            fingerprint=lambda stream, kind, limits, _: fingerprint_media(
                stream, kind, limits=limits
            ),
        )


@pytest.fixture(scope="module")
def lines(stated: StatedFile) -> bytes:
    return write_stated(stated, why_not=["sound: none\x1b[2J"])


def test_what_was_read_comes_back_the_same(stated: StatedFile, lines: bytes) -> None:
    read = read_stated(lines, where="a.jpg")
    assert read.stated.file == stated.file
    before, after = stated.facts, read.stated.facts
    assert after.fingerprint is not None
    assert before.fingerprint is not None
    assert replace(after, fingerprint=None) == replace(before, fingerprint=None)
    assert after.fingerprint.codes == before.fingerprint.codes
    assert after.fingerprint.references == before.fingerprint.references
    assert "\x1b" not in read.why_not[0]


def test_a_file_without_a_fingerprint_comes_back_too(stated: StatedFile) -> None:
    bare = StatedFile(file=stated.file, facts=replace(stated.facts, fingerprint=None))
    assert read_stated(write_stated(bare), where="a.jpg").stated == bare


def edited(lines: bytes, number: int, edit: Callable[[dict[str, Any]], None]) -> bytes:
    parts = lines.splitlines()
    document = json.loads(parts[number])
    edit(document)
    parts[number] = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return b"\n".join(parts) + b"\n"


def codes(*, quality: int = 1, view: object = "w", at: object = None) -> str:
    row = ["pdq", bytes(32), bytes([quality]), [view], [0], [at]]
    return base64.b64encode(cbor2.dumps([row])).decode()


@pytest.mark.parametrize(
    ("number", "edit", "why"),
    [
        (0, lambda d: d.update(more=1), "expected what is stated of it"),
        (0, lambda d: d["stated"].update(file={}), "file.sha256: Field required"),
        (0, lambda d: d["stated"]["file"].update(sha256="0" * 64), "a line that is not about it"),
        (0, lambda d: d["stated"]["file"].update(active_manifest="x"), "active manifest is not"),
        (1, lambda d: d["manifest"].update(store="AAAA"), "its manifest is not the one"),
        (2, lambda d: d["file"].update(codes="AAAA"), "codes"),
        (2, lambda d: d["file"].update(codes=codes(quality=101)), "codes that mean nothing"),
        (2, lambda d: d["file"].update(codes=codes(view=7)), "codes that mean nothing"),
        (2, lambda d: d["file"].update(codes=codes(at="x")), "codes that mean nothing"),
        (2, lambda d: d["file"].update(codes=codes(at=2**31)), "codes that mean nothing"),
        (3, lambda d: d["reference"].update(sha256="0" * 64), "a line that is not about it"),
        (3, lambda d: d["reference"].update(kind="film"), "reference|kind"),
        (3, lambda d: d["reference"].update(kind="sound", data="AAA="), "sound that no look"),
    ],
)  # fmt: skip
def test_what_is_edited_on_the_way_is_refused(
    lines: bytes, number: int, edit: Callable[[dict[str, Any]], None], why: str
) -> None:
    with pytest.raises(RegisterError, match=why):
        read_stated(edited(lines, number, edit), where="a.jpg")
    # The twin: the same, written anew and otherwise untouched.
    twin = read_stated(edited(lines, number, lambda _d: None), where="a.jpg")
    assert twin.stated.facts.fingerprint is not None


def test_lines_that_break_off_or_come_twice_are_refused(lines: bytes) -> None:
    parts = lines.splitlines(keepends=True)
    with pytest.raises(RegisterError, match="its lines break off"):
        read_stated(lines[:-1], where="a.jpg")
    with pytest.raises(RegisterError, match="nothing says what is kept of it"):
        read_stated(parts[0] + parts[1], where="a.jpg")
    with pytest.raises(RegisterError, match="its manifest is not the one that is stated"):
        read_stated(parts[0] + parts[2], where="a.jpg")
    for twice in (1, 2):
        with pytest.raises(RegisterError, match="a line that is not about it"):
            read_stated(lines + parts[twice], where="a.jpg")


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(RegisterError):
        read_stated(data, where="a.jpg")


@settings(max_examples=300, deadline=None)
@given(at=st.integers(min_value=0), byte=st.integers(0, 255), cut=st.integers(0, 3))
def test_a_changed_byte_is_refused_or_says_the_same_of_the_file(
    lines: bytes, stated: StatedFile, at: int, byte: int, cut: int
) -> None:
    """Only what nobody signs may come through changed: codes, references, titles."""
    at %= len(lines)
    changed = lines[:at] + bytes([byte]) * (cut != 1) + lines[at + 1 + (cut == 2) :]
    try:
        read = read_stated(changed, where="a.jpg")
    except RegisterError:
        return
    manifest = read.stated.facts.manifest
    assert manifest is not None
    assert sha256(manifest).hexdigest() == read.stated.file.manifest_sha256
    assert read.stated.file.manifest_sha256 == stated.file.manifest_sha256
    assert read.stated.facts.sha256 == read.stated.file.sha256
