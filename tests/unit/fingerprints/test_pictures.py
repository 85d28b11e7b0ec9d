"""What is kept of a registered picture, and what a copy is looked up by."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from provenance.fingerprints.features import LocalFeatures
from provenance.fingerprints.iscc import parse_iscc
from provenance.fingerprints.model import Algorithm
from provenance.fingerprints.pictures import fingerprint_picture, query_codes
from provenance.media.decoding.pictures import DecodedPicture
from tests.factory.scenes import photo


def picture_of(rgb: NDArray[np.uint8]) -> DecodedPicture:
    return DecodedPicture(rgb=rgb, width=rgb.shape[1] * 4, height=rgb.shape[0] * 4)


def test_a_registered_picture_has_codes_of_its_parts_and_a_smaller_copy() -> None:
    rgb = photo(3, size=(600, 400))
    fingerprint = fingerprint_picture(picture_of(rgb))
    views = [code.view for code in fingerprint.codes if code.algorithm is Algorithm.PDQ]
    assert views[0] == "whole"
    assert {"less 5 % a side", "1:1 at its start", "4:5 at its centre"} <= set(views)
    assert len(views) == len(set(views)) <= 17
    assert fingerprint.iscc is not None
    kind, bits = parse_iscc(fingerprint.iscc)
    assert kind == "image"
    assert fingerprint.codes[-1].bits == bits
    reference, features = fingerprint.references
    assert (reference.width, reference.height) == (rgb.shape[1] * 4, rgb.shape[0] * 4)
    with Image.open(io.BytesIO(reference.data)) as kept:
        assert kept.size == (rgb.shape[1], rgb.shape[0])
        assert not kept.getexif()
    assert (reference.kind, features.kind) == ("picture", "features")
    assert len(LocalFeatures.from_bytes(features.data)) > 100


def test_a_black_frame_has_no_code_and_says_so() -> None:
    black = np.zeros((200, 300, 3), np.uint8)
    fingerprint = fingerprint_picture(picture_of(black))
    assert [code.algorithm for code in fingerprint.codes] == [Algorithm.ISCC_IMAGE]
    assert fingerprint.why_not == ("pdq: too plain to be recognised (quality below 50)",)
    assert query_codes(black) == ()


def test_a_copy_is_looked_up_in_eight_turns() -> None:
    codes = query_codes(photo(3, size=(600, 400)))
    assert len(codes) in {8, 10, 12, 14}
    assert [code.view for code in codes[:2]] == ["whole, as it lies", "whole, turned 90° left"]
