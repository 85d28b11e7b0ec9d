"""Which registered releases does an asset look or sound like? From its bytes to matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.iscc import iscc_image_bits, spell_iscc
from provenance.fingerprints.iscc_audio import iscc_audio
from provenance.fingerprints.matching import PictureMatch, PictureMatcher
from provenance.fingerprints.model import Algorithm
from provenance.fingerprints.sound import sound_numbers
from provenance.fingerprints.sound_matching import find_sound_at_speeds
from provenance.fingerprints.timelines import TimelineMatch
from provenance.fingerprints.video import video_codes
from provenance.fingerprints.video_matching import find_video
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.pictures import decode_picture
from provenance.media.formats import MediaFormat, MediaKind
from provenance.registry.register.view import RegisterView
from provenance.registry.search.projection import SearchProjection
from provenance.registry.search.visible import (
    Visible,
    VisibleCodes,
    VisibleFeatures,
    VisibleTimelines,
)
from provenance.report import Span
from provenance.verification.register import RegisteredFile, ReleaseMatch, ResemblanceAnswer

__all__ = ["MediaResembler"]


class MediaResembler:
    """Answers `RegisterView.resembling` with a search in memory. Threads may share it.

    Args:
        projection: What is searched; brought up to date before every answer.
        limits: Bounds of decoding.
    """

    def __init__(self, projection: SearchProjection, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._projection = projection
        self._limits = limits

    def __call__(
        self, view: RegisterView, stream: BinaryIO, media_format: MediaFormat, at: datetime
    ) -> ResemblanceAnswer:
        """Which releases, as far as the view's reader may know of them?

        Raises:
            RegisterError: The register cannot be read.
        """
        self._projection.update()
        visible = Visible(view, at)
        stream.seek(0)
        match media_format.kind:
            case MediaKind.IMAGE:
                return self._picture(stream, media_format, visible)
            case MediaKind.VIDEO:
                return self._video(stream, visible)
            case MediaKind.AUDIO:
                return self._sound(stream, visible)
            case _:
                why = f"{media_format.name}: neither picture nor sound"
                return ResemblanceAnswer(not_run=why)

    def _picture(
        self, stream: BinaryIO, media_format: MediaFormat, visible: Visible
    ) -> ResemblanceAnswer:
        try:
            picture = decode_picture(stream, media_format, limits=self._limits)
        except (MalformedError, LimitError) as error:
            return ResemblanceAnswer(not_run=str(error))
        matcher = PictureMatcher(
            codes=VisibleCodes(self._projection.codes, visible),
            references=lambda owner: visible.reference(owner, "picture"),
            features=VisibleFeatures(self._projection.features, visible),
            negatives=self._projection.negatives,
        )
        answer = matcher.match(picture)
        files = visible.files(match.owner for match in answer.matches)
        # An agency's transcodes of one picture are one picture.
        alone = len({file.rendition_of or file.sha256 for file in files.values()}) == 1
        matches = [
            _of_picture(match, files[match.owner], certain=match.told_apart or alone)
            for match in answer.matches
        ]
        return ResemblanceAnswer(
            matches=_one_a_release(matches),
            iscc=spell_iscc(iscc_image_bits(picture.rgb), "image"),
            why_not=answer.why_not,
        )

    def _video(self, stream: BinaryIO, visible: Visible) -> ResemblanceAnswer:
        matches: list[ReleaseMatch] = []
        why_not: list[str] = []
        try:
            shown = video_codes(stream, purpose="search", limits=self._limits)
            why_not += shown.why_not
            found = find_video(
                shown.codes,
                VisibleCodes(self._projection.codes, visible),
                VisibleTimelines(self._projection.feed, visible),
                never=self._projection.never(Algorithm.PDQ_FRAME),
            )
            matches += _of_timelines(found, visible, Algorithm.PDQ_FRAME)
        except (MalformedError, LimitError) as error:
            why_not.append(f"video: {error}")
        stream.seek(0)
        try:
            matches += self._heard(stream, visible)
        except (MalformedError, LimitError) as error:
            why_not.append(f"sound: {error}")
        if len(why_not) > 1 and not matches:
            return ResemblanceAnswer(not_run="; ".join(why_not))
        return ResemblanceAnswer(matches=_one_a_release(matches), why_not=tuple(why_not))

    def _sound(self, stream: BinaryIO, visible: Visible) -> ResemblanceAnswer:
        try:
            matches = self._heard(stream, visible)
            stream.seek(0)
            numbers, why_not = sound_numbers(stream, limits=self._limits)
        except (MalformedError, LimitError) as error:
            return ResemblanceAnswer(not_run=str(error))
        return ResemblanceAnswer(
            matches=_one_a_release(matches),
            iscc=iscc_audio(numbers) if len(numbers) else None,
            why_not=why_not,
        )

    def _heard(self, stream: BinaryIO, visible: Visible) -> list[ReleaseMatch]:
        found = find_sound_at_speeds(
            stream,
            VisibleCodes(self._projection.codes, visible),
            VisibleTimelines(self._projection.feed, visible),
            never=self._projection.never(Algorithm.CHROMA),
            limits=self._limits,
        )
        return _of_timelines(found, visible, Algorithm.CHROMA)


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
    found: Iterable[TimelineMatch], visible: Visible, algorithm: Algorithm
) -> list[ReleaseMatch]:
    found = list(found)
    files = visible.files(match.owner for match in found)
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
