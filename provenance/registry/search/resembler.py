"""Which registered releases does an asset look or sound like? From its bytes to matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import BinaryIO

from provenance.deadline import Deadline
from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.iscc import iscc_image_bits, spell_iscc
from provenance.fingerprints.iscc_audio import iscc_audio
from provenance.fingerprints.matching import PictureMatch, PictureMatcher
from provenance.fingerprints.model import Algorithm, Code
from provenance.fingerprints.sound import sound_numbers
from provenance.fingerprints.sound_matching import find_sound_at_speeds
from provenance.fingerprints.timed_search import TimedSearch
from provenance.fingerprints.timelines import TimelineMatch
from provenance.fingerprints.video import video_codes
from provenance.fingerprints.video_matching import find_video
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.pictures import decode_picture
from provenance.media.formats import MediaFormat, MediaKind
from provenance.registry.register.iscc import identifies_content, parse_iscc_unit
from provenance.registry.register.view import RegisterView, Resembler
from provenance.registry.search.projection import SearchProjection
from provenance.registry.search.reader import LocalSearch, ReaderSearch
from provenance.report import Span
from provenance.verification.register import RegisteredFile, ReleaseMatch, ResemblanceAnswer

__all__ = ["local_resembler", "resembling"]

# By which shares of the time a video is decoded, and what it shows is found; its sound has the
# rest, of which a minute takes a twentieth of what a minute of pictures does.
_DECODED_BY = 0.7
_FOUND_BY = 0.85


def resembling(
    search: ReaderSearch,
    stream: BinaryIO,
    media_format: MediaFormat,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> ResemblanceAnswer:
    """Which registered releases does this asset look or sound like?

    Whatever is in the asset, there is an answer, and not long after `resemblance_s`: what
    would take longer is left out, and that is said.

    Args:
        search: What is registered, as far as its reader may know.
        stream: The asset, seekable; left open.
        media_format: As sniffed from its bytes.
        limits: Bounds of decoding.

    Raises:
        RegisterError: The register cannot be read.
    """
    stream.seek(0)
    until = Deadline(limits.resemblance_s)
    match media_format.kind:
        case MediaKind.IMAGE:
            return _seen(search, stream, media_format, limits)
        case MediaKind.VIDEO:
            return _watched(search, stream, limits, until)
        case MediaKind.AUDIO:
            return _listened(search, stream, limits, until)
        case _:
            return ResemblanceAnswer(not_run=f"{media_format.name}: neither picture nor sound")


def local_resembler(projection: SearchProjection, limits: Limits = DEFAULT_LIMITS) -> Resembler:
    """What answers `RegisterView.resembling` from a search in this process."""

    def answer(
        view: RegisterView, stream: BinaryIO, media_format: MediaFormat, at: datetime
    ) -> ResemblanceAnswer:
        projection.update()
        return resembling(LocalSearch(projection, view, at), stream, media_format, limits=limits)

    return answer


def _seen(
    search: ReaderSearch, stream: BinaryIO, media_format: MediaFormat, limits: Limits
) -> ResemblanceAnswer:
    try:
        picture = decode_picture(stream, media_format, limits=limits)
    except (MalformedError, LimitError) as error:
        return ResemblanceAnswer(not_run=str(error))
    matcher = PictureMatcher(
        codes=search.codes,
        references=search.picture,
        features=search.features,
        negatives=search.negatives,
    )
    answer = matcher.match(picture)
    files = search.files(match.owner for match in answer.matches)
    # An agency's transcodes of one picture are one picture.
    alone = len({file.rendition_of or file.sha256 for file in files.values()}) == 1
    matches = [
        _of_picture(match, files[match.owner], certain=match.told_apart or alone)
        for match in answer.matches
        if match.owner in files
    ]
    return ResemblanceAnswer(
        matches=_one_a_release(matches),
        iscc=_binding(search, spell_iscc(iscc_image_bits(picture.rgb), "image")),
        why_not=answer.why_not,
    )


def _binding(search: ReaderSearch, value: str) -> str | None:
    """The soft binding of this content, to be looked up; None where it tells it from nothing."""
    unit = parse_iscc_unit(value)
    if unit is None or not identifies_content(*unit):
        return None
    algorithm, bits = unit
    return value if search.negatives.without([Code(algorithm=algorithm, bits=bits)]) else None


def _watched(
    search: ReaderSearch, stream: BinaryIO, limits: Limits, until: Deadline
) -> ResemblanceAnswer:
    matches: list[ReleaseMatch] = []
    why_not: list[str] = []
    failed = 0
    try:
        shown = video_codes(stream, purpose="search", limits=limits, until=until.part(_DECODED_BY))
        why_not += shown.why_not
        found = find_video(
            shown.codes,
            TimedSearch(search.codes, "video", until.part(_FOUND_BY), why_not),
            search.timelines,
            never=search.never(Algorithm.PDQ_FRAME),
            until=until.part(_FOUND_BY),
            why_not=why_not,
        )
        matches += _of_timelines(found, search, Algorithm.PDQ_FRAME)
    except (MalformedError, LimitError) as error:
        failed += 1
        why_not.append(str(error))
    stream.seek(0)
    try:
        matches += _heard(search, stream, limits, until, why_not)
    except (MalformedError, LimitError) as error:
        failed += 1
        why_not.append(str(error))
    if failed == 2:
        return ResemblanceAnswer(not_run="; ".join(dict.fromkeys(why_not)))
    return ResemblanceAnswer(matches=_one_a_release(matches), why_not=tuple(dict.fromkeys(why_not)))


def _listened(
    search: ReaderSearch, stream: BinaryIO, limits: Limits, until: Deadline
) -> ResemblanceAnswer:
    why_not: list[str] = []
    try:
        matches = _heard(search, stream, limits, until.part(_FOUND_BY), why_not)
        stream.seek(0)
        numbers, left_out = sound_numbers(stream, limits=limits, until=until)
        cut = until.passed()
    except (MalformedError, LimitError) as error:
        return ResemblanceAnswer(not_run=str(error))
    return ResemblanceAnswer(
        matches=_one_a_release(matches),
        # Of what was heard in time and is not all, the code is another's.
        iscc=_binding(search, iscc_audio(numbers)) if len(numbers) and not cut else None,
        why_not=tuple(dict.fromkeys((*why_not, *left_out))),
    )


def _heard(
    search: ReaderSearch,
    stream: BinaryIO,
    limits: Limits,
    until: Deadline,
    why_not: list[str],
) -> list[ReleaseMatch]:
    found = find_sound_at_speeds(
        stream,
        TimedSearch(search.codes, "sound", until, why_not),
        search.timelines,
        never=search.never(Algorithm.CHROMA),
        limits=limits,
        until=until,
        why_not=why_not,
    )
    return _of_timelines(found, search, Algorithm.CHROMA)


def _of_picture(match: PictureMatch, file: RegisteredFile, *, certain: bool) -> ReleaseMatch:
    comparison = match.comparison
    return ReleaseMatch(
        file=file,
        certain_file=certain,
        distance=match.distance,
        algorithm=match.found_by,
        confirmed_by="local features in one geometry",
        inliers=comparison.inliers,
        edits=comparison.edits,
        differs=comparison.regions,
    )


_CONFIRMED_BY = {
    Algorithm.PDQ_FRAME: "frames in step",
    Algorithm.CHROMA: "sound in step",
}


def _of_timelines(
    found: Iterable[TimelineMatch], search: ReaderSearch, algorithm: Algorithm
) -> list[ReleaseMatch]:
    found = list(found)
    files = search.files(match.owner for match in found)
    return [
        ReleaseMatch(
            file=files[match.owner],
            distance=match.distance,
            algorithm=algorithm.value,
            confirmed_by=_CONFIRMED_BY[algorithm],
            edits=match.edits,
            spans=tuple(
                Span(start_s=s.start_s, end_s=s.end_s, release_start_s=s.release_start_s)
                for s in match.spans
            ),
        )
        for match in found
        if match.owner in files
    ]


def _one_a_release(matches: Sequence[ReleaseMatch]) -> tuple[ReleaseMatch, ...]:
    """The first match of each release: what else of it is alike says nothing more."""
    first: dict[tuple[str, str], ReleaseMatch] = {}
    for match in matches:
        first.setdefault((match.file.release.agency, match.file.release.release), match)
    return tuple(first.values())
