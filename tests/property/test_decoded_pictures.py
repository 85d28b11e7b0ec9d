"""Whatever the bytes, a picture is decoded, or it is malformed, or it is too large."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError
from provenance.media.decoding.orientation import exif_orientation
from provenance.media.decoding.pictures import decode_picture
from provenance.media.formats import FORMATS
from tests.factory import pictures


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "tiff", "avif", "heic"])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_mutated_pictures(name: str, data: st.DataObject) -> None:
    original = getattr(pictures, name)(1)
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedError, LimitError):
        picture = decode_picture(io.BytesIO(bytes(changed)), FORMATS[name])
        assert picture.rgb.shape[2] == 3


@given(st.binary(max_size=200))
def test_any_exif_block_names_one_of_eight_orientations(block: bytes) -> None:
    assert 1 <= exif_orientation(b"II*\0" + block) <= 8
    assert 1 <= exif_orientation(block) <= 8
