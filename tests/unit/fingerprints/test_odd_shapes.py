"""A picture of any shape gets an answer: a line of pixels, a dot, noise, nothing at all."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.fingerprints.compare import PreparedPicture, compare_pictures
from provenance.fingerprints.feature_index import index_features, query_features
from provenance.fingerprints.pictures import fingerprint_picture
from tests.benchmarks.accuracy_pictures import Register, picture_of
from tests.factory.scenes import photo


@pytest.mark.parametrize("shape", [(1, 1), (1, 1024), (1024, 1), (3, 700), (17, 1024), (40, 40)])
@pytest.mark.parametrize("noise", [True, False])
def test_a_picture_of_any_shape_gets_an_answer(shape: tuple[int, int], *, noise: bool) -> None:
    register = Register()
    scene = photo(1, size=(240, 160))
    register.add(0, scene)
    high = 256 if noise else 1
    odd = np.random.default_rng(1).integers(0, high, (*shape, 3)).astype(np.uint8)
    assert register.look_up(odd).matches == ()
    assert fingerprint_picture(picture_of(odd)).iscc is not None
    assert len(index_features(odd)) <= len(query_features(odd))
    one, other = (PreparedPicture(picture_of(rgb)) for rgb in (scene, odd))
    assert compare_pictures(one, other) is None
    assert compare_pictures(other, one) is None
