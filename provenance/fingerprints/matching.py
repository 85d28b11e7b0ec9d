"""Which registered pictures is this one made from? Codes lead, local features confirm."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.compare import PictureComparison, PreparedPicture, compare_pictures
from provenance.fingerprints.feature_index import FeatureSearch, query_features
from provenance.fingerprints.index import CodeSearch
from provenance.fingerprints.model import Reference
from provenance.fingerprints.negatives import NegativeBank
from provenance.fingerprints.pictures import query_codes
from provenance.media.decoding.pictures import DecodedPicture, decode_picture
from provenance.media.formats import FORMATS

__all__ = ["SEARCH_RADIUS", "PictureAnswer", "PictureMatch", "PictureMatcher", "decode_reference"]

SEARCH_RADIUS = 90
"""Bits within which a code is a lead: unrelated pictures are 96 apart at the least."""

_LED_BY_CODES = 8
_LED_BY_FEATURES = 4
# Frames of one shoot are told apart only where the better is better by this much.
_GAP_FACTOR, _GAP_LEVELS = 1.35, 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureMatch:
    """A registered picture that the asset was made from.

    Attributes:
        owner: Whose picture.
        distance: Bits of 256 by which the nearest code differs; None where no code led to
            it, only its local features.
        found_by: What led to it.
        comparison: What confirmed it, what happened to the copy and where it differs.
        told_apart: Whether it is this registered picture rather than another that was
            confirmed too; False within a series from one shoot where no frame stands out.
    """

    owner: int
    distance: int | None
    found_by: Literal["pdq", "local features"]
    comparison: PictureComparison
    told_apart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureAnswer:
    """Which registered pictures was this one made from?

    Attributes:
        matches: Confirmed ones, the most alike first.
        looked_at: Candidates that were compared.
        why_not: What could not be asked or confirmed, and why.
    """

    matches: tuple[PictureMatch, ...] = ()
    looked_at: int = 0
    why_not: tuple[str, ...] = ()


class PictureMatcher:
    """Looks a picture up among the registered ones.

    Args:
        codes: Codes of registered pictures, by owner.
        references: What is kept of an owner's picture; None where nothing is.
        features: Their local features, for copies that no code leads back from; None does
            without.
        negatives: Codes that never count.
    """

    def __init__(
        self,
        *,
        codes: CodeSearch,
        references: Callable[[int], Reference | None],
        features: FeatureSearch | None = None,
        negatives: NegativeBank | None = None,
    ) -> None:
        self._codes = codes
        self._references = references
        self._features = features
        self._negatives = negatives or NegativeBank()

    def match(self, picture: DecodedPicture, *, most: int = 5) -> PictureAnswer:
        """Which registered pictures was this one made from?

        Candidates by code come first; local features are asked where none of those was
        confirmed. Each candidate is compared with what is kept of it, and at most 12 are.
        """
        why_not: list[str] = []
        copy = PreparedPicture(picture)
        distances = self._led_by_codes(picture, why_not)
        order = sorted(distances, key=lambda owner: (distances[owner], owner))[:_LED_BY_CODES]
        found = self._confirmed(order, copy, why_not)
        looked_at = len(order)
        led: Literal["pdq", "local features"] = "pdq"
        if not found and self._features is not None:
            led = "local features"
            seen = set(order)
            order = [o for o in _led_by_features(copy, self._features) if o not in seen]
            found = self._confirmed(order, copy, why_not)
            looked_at += len(order)
        ranked = sorted(found.items(), key=lambda item: (item[1].unlike, -item[1].inliers, item[0]))
        return PictureAnswer(
            matches=tuple(
                PictureMatch(
                    owner=owner,
                    distance=distances.get(owner),
                    found_by=led,
                    comparison=comparison,
                    told_apart=place == 0 and _stands_out([c.unlike for _, c in ranked]),
                )
                for place, (owner, comparison) in enumerate(ranked[:most])
            ),
            looked_at=looked_at,
            why_not=tuple(why_not),
        )

    def _led_by_codes(self, picture: DecodedPicture, why_not: list[str]) -> dict[int, int]:
        asked = query_codes(picture.rgb)
        codes = self._negatives.without(asked)
        if not asked:
            why_not.append("pdq: too plain to be recognised")
        elif not codes:
            why_not.append("pdq: like pictures that identify no release")
        distances: dict[int, int] = {}
        for hit in self._codes.search(codes, radius=SEARCH_RADIUS, most=4 * _LED_BY_CODES):
            distances[hit.owner] = min(hit.distance, distances.get(hit.owner, hit.distance))
        return distances

    def _confirmed(
        self, owners: Iterable[int], copy: PreparedPicture, why_not: list[str]
    ) -> dict[int, PictureComparison]:
        found = {}
        for owner in owners:
            reference = self._references(owner)
            if reference is None:
                why_not.append(f"picture {owner}: nothing is kept to confirm a resemblance with")
                continue
            try:
                picture = decode_reference(reference)
            except (LimitError, MalformedError) as error:
                why_not.append(f"picture {owner}: what is kept of it cannot be read: {error}")
                continue
            comparison = compare_pictures(PreparedPicture(picture), copy)
            if comparison is not None:
                found[owner] = comparison
        return found


def _led_by_features(copy: PreparedPicture, index: FeatureSearch) -> list[int]:
    candidates = [
        candidate
        for mirrored in (False, True)
        for candidate in index.search(
            query_features(copy.pixels(mirrored=mirrored)), mirrored=mirrored, most=_LED_BY_FEATURES
        )
    ]
    candidates.sort(key=lambda candidate: -candidate.witnesses)
    return list(dict.fromkeys(candidate.owner for candidate in candidates))[:_LED_BY_FEATURES]


def decode_reference(reference: Reference) -> DecodedPicture:
    """The kept picture of a registered asset, to compare with.

    Raises:
        MalformedError: Not a JPEG, or of sound.
        LimitError: Larger than a picture may be.
    """
    if reference.kind != "picture":
        raise MalformedError(f"reference: expected a picture, got {reference.kind}")
    picture = decode_picture(io.BytesIO(reference.data), FORMATS["jpeg"], max_side=None)
    return DecodedPicture(
        rgb=picture.rgb,
        width=reference.width or picture.width,
        height=reference.height or picture.height,
    )


def _stands_out(unlike: list[float]) -> bool:
    return len(unlike) < 2 or unlike[1] > _GAP_FACTOR * unlike[0] + _GAP_LEVELS
