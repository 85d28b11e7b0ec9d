"""The fingerprint of a picture: what is kept of a registered one, what is asked for a copy."""

from __future__ import annotations

from provenance.fingerprints.borders import content_boxes
from provenance.fingerprints.feature_index import index_features
from provenance.fingerprints.iscc import iscc_image_bits, spell_iscc
from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint, Reference
from provenance.fingerprints.pdq import LEAST_QUALITY, pdq_code, pdq_codes_turned, pdq_input
from provenance.fingerprints.views import anchored_views
from provenance.media.decoding.encoding import encode_picture, scaled_down
from provenance.media.decoding.pictures import DecodedPicture, Rgb

__all__ = ["REFERENCE_SIDE", "fingerprint_picture", "query_codes", "reference_picture"]

REFERENCE_SIDE = 1024
"""Most pixels a side of what is kept of a registered picture, and of what is compared."""


def fingerprint_picture(picture: DecodedPicture) -> MediaFingerprint:
    """What does this picture look like, for the register?

    Codes of the whole and of the crops that copies are likely to be; its content code; and
    a smaller copy that confirms a resemblance and shows where one differs. About 20 codes
    and 100 to 250 kB.
    """
    codes, why_not = [], []
    pixels = pdq_input(picture.rgb)
    for view, part in anchored_views(pixels):
        code = pdq_code(part, view=view)
        if code is not None:
            codes.append(code)
    if not codes:
        why_not.append(f"pdq: too plain to be recognised (quality below {LEAST_QUALITY})")
    bits = iscc_image_bits(picture.rgb)
    codes.append(Code(algorithm=Algorithm.ISCC_IMAGE, bits=bits))
    return MediaFingerprint(
        codes=tuple(codes),
        iscc=spell_iscc(bits, "image"),
        references=(
            reference_picture(picture),
            Reference(kind="features", data=index_features(picture.rgb).to_bytes()),
        ),
        why_not=tuple(why_not),
    )


def reference_picture(picture: DecodedPicture) -> Reference:
    """What is kept of a picture, to confirm and to show a resemblance to it."""
    return Reference(
        kind="picture",
        data=encode_picture(scaled_down(picture.rgb, REFERENCE_SIDE), "jpeg", quality=90),
        width=picture.width,
        height=picture.height,
    )


def query_codes(rgb: Rgb) -> tuple[Code, ...]:
    """Which codes is a copy of a registered picture looked up by?

    PDQ of the whole in all eight turns and mirrorings, and of what remains without bars,
    frame or blurred sides, upright. At most 14, because each costs a scan of the register.
    Empty where the picture is too plain to be recognised.
    """
    pixels = pdq_input(rgb)
    codes = list(pdq_codes_turned(pixels))
    for number, box in enumerate(content_boxes(pixels), start=1):
        codes += pdq_codes_turned(box.of(pixels), view=f"trimmed ({number})", mirrored_only=True)
    return tuple(codes)
