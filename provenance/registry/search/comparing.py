"""How does an asset differ from one release, and which stretches of it are the release's?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.fingerprints.compare import (
    PictureComparison,
    PreparedPicture,
    compare_pictures,
    difference_picture,
)
from provenance.fingerprints.matching import decode_reference
from provenance.fingerprints.pictures import query_codes
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.pictures import DecodedPicture, decode_picture
from provenance.media.formats import MediaFormat, MediaKind
from provenance.registry.register.feed import CodeFeed
from provenance.registry.register.view import RegisterView
from provenance.registry.search.projection import SearchProjection
from provenance.registry.search.reader import LocalSearch
from provenance.registry.search.resembler import resembling
from provenance.verification.register import RegisteredFile, ReleaseMatch

__all__ = ["ComparedPicture", "compare_with_release", "stretches_of_release"]

_CODE_BITS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedPicture:
    """A picture beside the one of a release that it was made from.

    Attributes:
        file: The registered file.
        distance: Bits of 256 by which the nearest code differs; None where it has none.
        comparison: What happened to the copy, and where it differs.
        reference: What is kept of the registered picture.
        copy: The picture.
    """

    file: RegisteredFile
    distance: int | None
    comparison: PictureComparison
    reference: DecodedPicture
    copy: DecodedPicture

    def png(self) -> bytes:
        """Both side by side, with what differs marked; see `difference_picture`."""
        return difference_picture(self.reference, self.copy, self.comparison)


def compare_with_release(
    view: RegisterView,
    feed: CodeFeed,
    release: tuple[str, str],
    stream: BinaryIO,
    media_format: MediaFormat,
    *,
    at: datetime,
    limits: Limits = DEFAULT_LIMITS,
) -> ComparedPicture | None:
    """Which picture of this release was this one made from, and where does it differ?

    Every picture of the release is compared, whether or not a code leads to it.

    Args:
        view: What its reader may know of.
        feed: The register's codes.
        release: Agency and release.
        stream: The picture.
        media_format: As sniffed from its bytes.
        at: As of when.
        limits: Bounds of decoding.

    Returns:
        The one that is most alike; None where it is not shown to be made from any.

    Raises:
        MalformedError, LimitError: It cannot be decoded.
        RegisterError: The register cannot be read, or has no such release.
    """
    owners = _owners(view, release, at)
    copy = PreparedPicture(decode_picture(stream, media_format, limits=limits))
    found: list[tuple[int, PictureComparison, DecodedPicture]] = []
    for owner in owners:
        for kept in view.references(owner, at=at):
            if kept.kind != "picture":
                continue
            try:
                reference = decode_reference(kept)
            except (MalformedError, LimitError) as error:
                raise RegisterError(f"{view.name}: what is kept of a picture: {error}") from error
            comparison = compare_pictures(PreparedPicture(reference), copy)
            if comparison is not None:
                found.append((owner, comparison, reference))
    if not found:
        return None
    owner, comparison, reference = min(found, key=lambda one: (one[1].unlike, -one[1].inliers))
    codes = SearchProjection.of_owners(feed, [owner]).codes
    hits = codes.search(query_codes(copy.picture.rgb), radius=_CODE_BITS, most=1)
    return ComparedPicture(
        file=owners[owner],
        distance=min((hit.distance for hit in hits), default=None),
        comparison=comparison,
        reference=reference,
        copy=copy.picture,
    )


def stretches_of_release(
    view: RegisterView,
    feed: CodeFeed,
    release: tuple[str, str],
    stream: BinaryIO,
    media_format: MediaFormat,
    *,
    at: datetime,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[ReleaseMatch | None, tuple[str, ...]]:
    """Which stretches of this video or track are this release's? And what was not looked at?

    Arguments and errors as for `compare_with_release`; what cannot be decoded is said.
    """
    if media_format.kind not in {MediaKind.VIDEO, MediaKind.AUDIO}:
        raise MalformedError(f"expected a picture, video or track, got {media_format.media_type}")
    projection = SearchProjection.of_owners(feed, _owners(view, release, at))
    search = LocalSearch(projection, view, at)
    answer = resembling(search, stream, media_format, limits=limits)
    not_run = () if answer.not_run is None else (answer.not_run,)
    return next(iter(answer.matches), None), (*not_run, *answer.why_not)


def _owners(
    view: RegisterView, release: tuple[str, str], at: datetime
) -> dict[int, RegisteredFile]:
    owners = view.owners_of_release(*release, at=at)
    if not owners:
        raise RegisterError(
            f"{view.name}: there is no release {'/'.join(release)} of which pictures or sound "
            "are kept"
        )
    return owners
