"""Speed of the look-up of pictures: rows of the table that `make bench` prints."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import cv2
import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from provenance.fingerprints.index import FlatCodeIndex
from provenance.fingerprints.matching import SEARCH_RADIUS
from provenance.fingerprints.model import Algorithm, Code
from provenance.fingerprints.pictures import query_codes
from provenance.media.decoding.pictures import decode_picture
from provenance.media.formats import FORMATS
from provenance.trust.directory import LoadedDirectory
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier
from tests.factory.scenes import photo

__all__ = ["Race", "filled_index", "search_race", "triage_race"]

Race = tuple[Callable[[], object], Callable[[], object]]
"""What we do, and what the rival does."""

_CHUNK = 100_000


def filled_index(codes: int) -> tuple[FlatCodeIndex, NDArray[np.uint8]]:
    """An index of this many codes of nothing in particular, 20 to an owner."""
    raw = np.random.default_rng(1).integers(0, 256, (codes, 32), np.uint8)
    index = FlatCodeIndex()
    for start in range(0, codes, _CHUNK):
        part = raw[start : start + _CHUNK]
        index.add(
            start // 20, [Code(algorithm=Algorithm.PDQ, bits=bits.tobytes()) for bits in part]
        )
    return index, raw


def search_race(codes: int, asked: int = 8) -> Race:
    """All codes within the radius of one picture's, against a flat scan of faiss."""
    index, raw = filled_index(codes)
    rng = np.random.default_rng(2)
    queries = rng.integers(0, 256, (asked, 32), np.uint8)
    queries[0] = raw[codes // 2]
    wanted = [Code(algorithm=Algorithm.PDQ, bits=bits.tobytes()) for bits in queries]
    rival = faiss.IndexBinaryFlat(256)
    rival.add(raw)
    faiss.omp_set_num_threads(1)
    limits, _, _ = rival.range_search(queries, SEARCH_RADIUS + 1)
    if len(index.search(wanted, radius=SEARCH_RADIUS, most=codes)) != int(limits[-1]):
        raise SystemExit("the index and the flat scan disagree: nothing to measure")
    return (
        lambda: index.search(wanted, radius=SEARCH_RADIUS),
        lambda: rival.range_search(queries, SEARCH_RADIUS + 1),
    )


def triage_race(directory: LoadedDirectory, codes: int = 1_000_000) -> Race:
    """An unsigned upload of 12 megapixels, against decoding it at full size with Pillow."""
    out = io.BytesIO()
    Image.fromarray(photo(1, size=(4000, 3000))).save(out, "JPEG", quality=92)
    data = out.getvalue()
    index, _ = filled_index(codes)
    verifier = Verifier(directory=directory, clock=lambda: datetime.now(UTC))
    cv2.setNumThreads(1)

    def ours() -> None:
        if verifier.verify(data).verdict is not Verdict.UNVERIFIED:
            raise SystemExit("the upload has credentials: nothing to measure")
        picture = decode_picture(io.BytesIO(data), FORMATS["jpeg"])
        index.search(query_codes(picture.rgb), radius=SEARCH_RADIUS)

    def rival() -> None:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()

    return ours, rival
