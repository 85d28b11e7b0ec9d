"""The fingerprint of an asset that is registered, whatever kind of media it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.fingerprints.frame_signatures import FrameSignatures, parse_frame_signatures
from provenance.fingerprints.iscc import iscc_image_bits, parse_iscc, spell_iscc
from provenance.fingerprints.iscc_audio import iscc_audio
from provenance.fingerprints.iscc_video import iscc_video_bits
from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint
from provenance.fingerprints.pictures import fingerprint_picture
from provenance.fingerprints.sound import fingerprint_sound, sound_numbers
from provenance.fingerprints.video import fingerprint_video
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.decoding.pictures import decode_picture
from provenance.media.formats import MediaFormat, MediaKind

__all__ = ["content_code", "fingerprint_media"]

_NO_SIGNATURES = (
    "iscc-video: not made, as nothing at hand computes the MPEG-7 signatures it is made of"
)


def fingerprint_media(
    stream: BinaryIO,
    media_format: MediaFormat,
    *,
    limits: Limits = DEFAULT_LIMITS,
    signed_iscc: str | None = None,
    frame_signatures: FrameSignatures | None = None,
) -> MediaFingerprint:
    """What does this asset look and sound like?

    A video has the codes of its pictures and of its sound. What cannot be decoded has no
    codes, and the answer says why: an agency's file is registered all the same.

    Args:
        stream: The asset, seekable; left open.
        media_format: As sniffed from its bytes.
        limits: Bounds of decoding.
        signed_iscc: The content code that its agency has signed for it. A video's is taken:
            it is found by exactly this, and need not be decoded once more.
        frame_signatures: What makes those of a video that has none signed.
    """
    match media_format.kind:
        case MediaKind.IMAGE:
            return _tried("picture", lambda: _picture(stream, media_format, limits))
        case MediaKind.AUDIO:
            return _tried("sound", lambda: fingerprint_sound(stream, limits=limits))
        case MediaKind.VIDEO:
            pictures = _tried("video", lambda: fingerprint_video(stream, limits=limits))
            if pictures.codes:
                pictures = _with_iscc(pictures, stream, media_format, signed_iscc, frame_signatures)
            return _with_sound(pictures, stream, limits)
        case _:
            return MediaFingerprint(why_not=(f"{media_format.name}: neither picture nor sound",))


def content_code(
    stream: BinaryIO,
    media_format: MediaFormat,
    *,
    limits: Limits = DEFAULT_LIMITS,
    frame_signatures: FrameSignatures | None = None,
) -> str | None:
    """The ISCC content code of an asset, `ISCC:...`; the one that a register keeps.

    None for documents, for what cannot be decoded, and for a video where nothing makes its
    frame signatures.

    Args:
        stream: The asset, seekable; left open.
        media_format: As sniffed from its bytes.
        limits: Bounds of decoding.
        frame_signatures: What makes those of a video.
    """
    stream.seek(0)
    try:
        if media_format.kind is MediaKind.IMAGE:
            picture = decode_picture(stream, media_format, limits=limits)
            return spell_iscc(iscc_image_bits(picture.rgb), "image")
        if media_format.kind is MediaKind.AUDIO:
            numbers, _ = sound_numbers(stream, limits=limits)
            return iscc_audio(numbers) if len(numbers) else None
        if media_format.kind is MediaKind.VIDEO and frame_signatures is not None:
            return spell_iscc(_video_bits(stream, media_format, frame_signatures), "video")
    except (MalformedError, LimitError):
        return None
    return None


def _picture(stream: BinaryIO, media_format: MediaFormat, limits: Limits) -> MediaFingerprint:
    return fingerprint_picture(decode_picture(stream, media_format, limits=limits))


def _with_iscc(
    pictures: MediaFingerprint,
    stream: BinaryIO,
    media_format: MediaFormat,
    signed_iscc: str | None,
    frame_signatures: FrameSignatures | None,
) -> MediaFingerprint:
    """The fingerprint of a video's pictures with its content code, or why there is none."""
    bits = None if signed_iscc is None else _signed_bits(signed_iscc)
    if bits is None:
        if frame_signatures is None:
            return replace(pictures, why_not=(*pictures.why_not, _NO_SIGNATURES))
        try:
            bits = _video_bits(stream, media_format, frame_signatures)
        except (MalformedError, LimitError) as error:
            return replace(pictures, why_not=(*pictures.why_not, f"iscc-video: not made: {error}"))
    return replace(
        pictures,
        codes=(*pictures.codes, Code(algorithm=Algorithm.ISCC_VIDEO, bits=bits)),
        iscc=spell_iscc(bits, "video"),
    )


def _signed_bits(iscc: str) -> bytes | None:
    try:
        kind, bits = parse_iscc(iscc)
    except MalformedError:
        return None
    return bits if kind == "video" else None


def _video_bits(
    stream: BinaryIO, media_format: MediaFormat, frame_signatures: FrameSignatures
) -> bytes:
    return iscc_video_bits(parse_frame_signatures(frame_signatures(stream, media_format)))


def _with_sound(pictures: MediaFingerprint, stream: BinaryIO, limits: Limits) -> MediaFingerprint:
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
        # Some decoders say of what they speak themselves.
        why = str(error).removeprefix(f"{what}: ")
        return MediaFingerprint(why_not=(f"{what}: {why}",))
