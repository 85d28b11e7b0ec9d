"""The fingerprint of an asset that is registered, whatever kind of media it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.iscc import iscc_image_bits, spell_iscc
from provenance.fingerprints.iscc_audio import iscc_audio
from provenance.fingerprints.model import MediaFingerprint
from provenance.fingerprints.pictures import fingerprint_picture
from provenance.fingerprints.sound import fingerprint_sound, sound_numbers
from provenance.fingerprints.video import fingerprint_video
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.pictures import decode_picture
from provenance.media.formats import MediaFormat, MediaKind

__all__ = ["content_code", "fingerprint_media"]


def fingerprint_media(
    stream: BinaryIO, media_format: MediaFormat, *, limits: Limits = DEFAULT_LIMITS
) -> MediaFingerprint:
    """What does this asset look and sound like?

    A video has the codes of its pictures and of its sound. What cannot be decoded has no
    codes, and the answer says why: an agency's file is registered all the same.

    Args:
        stream: The asset, seekable; left open.
        media_format: As sniffed from its bytes.
        limits: Bounds of decoding.
    """
    match media_format.kind:
        case MediaKind.IMAGE:
            return _tried("picture", lambda: _picture(stream, media_format, limits))
        case MediaKind.AUDIO:
            return _tried("sound", lambda: fingerprint_sound(stream, limits=limits))
        case MediaKind.VIDEO:
            return _video(stream, limits)
        case _:
            return MediaFingerprint(why_not=(f"{media_format.name}: neither picture nor sound",))


def content_code(
    stream: BinaryIO, media_format: MediaFormat, *, limits: Limits = DEFAULT_LIMITS
) -> str | None:
    """The ISCC content code of a picture or track, `ISCC:...`; the one that a register keeps.

    None for a video, every second of which would have to be decoded, for documents, and for
    what cannot be decoded.

    Args:
        stream: The asset, seekable; left open.
        media_format: As sniffed from its bytes.
        limits: Bounds of decoding.
    """
    stream.seek(0)
    try:
        if media_format.kind is MediaKind.IMAGE:
            picture = decode_picture(stream, media_format, limits=limits)
            return spell_iscc(iscc_image_bits(picture.rgb), "image")
        if media_format.kind is MediaKind.AUDIO:
            numbers, _ = sound_numbers(stream, limits=limits)
            return iscc_audio(numbers) if len(numbers) else None
    except (MalformedError, LimitError):
        return None
    return None


def _picture(stream: BinaryIO, media_format: MediaFormat, limits: Limits) -> MediaFingerprint:
    return fingerprint_picture(decode_picture(stream, media_format, limits=limits))


def _video(stream: BinaryIO, limits: Limits) -> MediaFingerprint:
    pictures = _tried("video", lambda: fingerprint_video(stream, limits=limits))
    stream.seek(0)
    sound = _tried("sound", lambda: fingerprint_sound(stream, limits=limits))
    return MediaFingerprint(
        codes=(*pictures.codes, *sound.codes),
        # The content code of its sound is that of a track, not the video's.
        iscc=pictures.iscc,
        references=(*pictures.references, *sound.references),
        duration_ms=pictures.duration_ms or sound.duration_ms,
        why_not=(*pictures.why_not, *sound.why_not),
    )


def _tried(what: str, make: Callable[[], MediaFingerprint]) -> MediaFingerprint:
    try:
        return make()
    except (MalformedError, LimitError) as error:
        return MediaFingerprint(why_not=(f"{what}: {error}",))
