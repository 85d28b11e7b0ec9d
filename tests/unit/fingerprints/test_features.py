"""Local features are spread over the picture, kept as bytes, and fit only as copies do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedError
from provenance.fingerprints.feature_index import index_features
from provenance.fingerprints.features import LocalFeatures, fit_geometry, local_features
from tests.factory.scenes import photo

RGB = photo(6, size=(480, 320))


def test_features_are_kept_as_bytes() -> None:
    features = index_features(RGB)
    again = LocalFeatures.from_bytes(features.to_bytes())
    assert len(again) == len(features) > 100
    for name in ("points", "sizes", "angles", "descriptors"):
        assert np.array_equal(getattr(again, name), getattr(features, name))
    assert (again.width, again.height) == (features.width, features.height)


@given(st.binary(max_size=120))
def test_other_bytes_are_malformed(data: bytes) -> None:
    try:
        features = LocalFeatures.from_bytes(data)
    except MalformedError:
        return
    assert features.to_bytes() == data


@pytest.mark.parametrize("cut", [0, 5, 100])
def test_features_that_were_cut_short_are_malformed(cut: int) -> None:
    with pytest.raises(MalformedError, match="local features: expected"):
        LocalFeatures.from_bytes(index_features(RGB).to_bytes()[:cut])


def test_features_are_spread_over_the_picture() -> None:
    busy = np.full((400, 400, 3), 90, np.uint8)
    busy[:100, :100] = np.random.default_rng(1).integers(0, 256, (100, 100, 3), np.uint8)
    busy[300:320, 300:320] = 250
    features = local_features(busy, most=60)
    assert (features.points[:, 0] > 200).any()


def test_the_way_a_copy_lies_is_measured() -> None:
    part = np.ascontiguousarray(RGB[40:280, 60:420])
    geometry = fit_geometry(local_features(RGB, most=800), local_features(part, most=800))
    assert geometry is not None
    assert geometry.inliers > 100
    expected = [[1, 0, -60], [0, 1, -40], [0, 0, 1]]
    assert np.allclose(geometry.matrix, expected, atol=1.0)


def test_a_squeezed_heap_of_matches_is_no_copy() -> None:
    features = local_features(RGB, most=300)
    squeezed = LocalFeatures(
        (features.points * [1.0, 0.05]).astype(np.float32),
        features.sizes,
        features.angles,
        features.descriptors,
        features.width,
        features.height,
    )
    assert fit_geometry(features, squeezed) is None
