"""Each forgery is what its name says, held against the codes of the bare engine.

Several of these verdicts are the engine's weak points. The tests keep them in view: an
engine that changes its mind fails here first.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from c2pa import C2paError
from PIL import Image

from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, pki, surgery
from tests.factory.bindings import box_hashed_jpeg, box_hashed_png, excluded_pixels_png
from tests.factory.fragments import sign_fragments
from tests.factory.pki import Holder, KeyKind
from tests.factory.reading import EngineReading, read
from tests.factory.sign import sign, store_of
from tests.factory.stores import parse_store
from tests.factory.tsa import make_authority
from tests.factory.updates import timestamp_update, update

JPEG, PNG, MP4 = "image/jpeg", "image/png", "video/mp4"
STAMPED = datetime(2025, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def forger() -> MemorySigner:
    _, _, leaf = pki.three_tier("Forger", organization="Forger")
    return pki.signer_of(leaf)


@pytest.fixture(scope="module")
def expired() -> tuple[Holder, MemorySigner]:
    """A root that lasts, and a signer whose certificate ended on 1 March 2025."""
    root, _, leaf = pki.three_tier("Expired", not_after=datetime(2025, 3, 1, tzinfo=UTC))
    return root, pki.signer_of(leaf)


@pytest.fixture(scope="module")
def look(agency: DevAgency, expired: tuple[Holder, MemorySigner]) -> Callable[..., EngineReading]:
    def call(data: bytes, media_type: str = JPEG, **options: object) -> EngineReading:
        return read(data, media_type, anchors=[agency.root_pem, expired[0]], **options)  # type: ignore[arg-type]

    return call


Look = Callable[..., EngineReading]
Signed = Callable[..., bytes]


@pytest.mark.parametrize("kind", media.MEDIA_TYPES)
def test_a_changed_bit_in_the_media_breaks_the_binding(
    kind: str, signed: Signed, look: Look
) -> None:
    media_type = media.MEDIA_TYPES[kind]
    (failure,) = look(surgery.flip_in_media(signed(kind), media_type), media_type).failure
    assert failure in {
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.collectionHash.mismatch",
    }


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "wav", "pdf"])
@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (surgery.flip_in_claim, "claimSignature.mismatch"),
        (surgery.corrupt_signature, "claimSignature.mismatch"),
        (surgery.flip_in_assertion, "assertion.hashedURI.mismatch"),
    ],
)
def test_a_changed_manifest_says_what_was_changed(
    kind: str, forge: Callable[[bytes, str], bytes], code: str, signed: Signed, look: Look
) -> None:
    media_type = media.MEDIA_TYPES[kind]
    assert look(forge(signed(kind), media_type), media_type).failure == {code}


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4"])
def test_a_manifest_on_another_file_does_not_match(kind: str, signed: Signed, look: Look) -> None:
    media_type = media.MEDIA_TYPES[kind]
    stolen = store_of(signed(kind), media_type)
    moved = surgery.embed_store(media.make(kind, 2), media_type, stolen)

    result = look(moved, media_type)

    assert "claimSignature.validated" in result.success
    assert result.failure <= {"assertion.dataHash.mismatch", "assertion.bmffHash.mismatch"}
    assert result.failure


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4", "heic"])
def test_a_stripped_file_has_no_credentials(kind: str, signed: Signed) -> None:
    media_type = media.MEDIA_TYPES[kind]
    with pytest.raises(C2paError.ManifestNotFound):
        read(surgery.strip_store(signed(kind), media_type), media_type)


def test_a_stripped_picture_is_the_picture_it_was(signed_jpeg: bytes, signed_png: bytes) -> None:
    assert surgery.strip_store(signed_jpeg, JPEG) == media.jpeg()
    assert surgery.strip_store(signed_png, PNG) == media.png()


def test_a_png_keeps_its_checksums_when_its_store_is_replaced(
    signed_png: bytes, forger: MemorySigner
) -> None:
    Image.open(io.BytesIO(surgery.resign(signed_png, PNG, signer=forger))).verify()


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4"])
def test_a_resigned_file_is_valid_by_somebody_else(
    kind: str, signed: Signed, look: Look, forger: MemorySigner
) -> None:
    media_type = media.MEDIA_TYPES[kind]
    result = look(surgery.resign(signed(kind), media_type, signer=forger), media_type)
    assert result.state == "Valid"
    assert result.failure == {"signingCredential.untrusted"}


def test_bytes_after_a_picture_are_noticed(
    signed_jpeg: bytes, signed_png: bytes, look: Look
) -> None:
    for data, media_type in ((signed_jpeg, JPEG), (signed_png, PNG)):
        result = look(surgery.append(data), media_type)
        assert result.failure == {"assertion.dataHash.mismatch"}


@pytest.mark.parametrize(("make", "kind"), [(box_hashed_jpeg, "jpeg"), (box_hashed_png, "png")])
def test_bytes_after_a_box_hashed_picture_are_not_noticed(
    make: Callable[..., bytes], kind: str, agency_signer: MemorySigner, look: Look
) -> None:
    data = make(media.make(kind), signer=agency_signer)
    for forged in (data, surgery.append(data)):
        result = look(forged, media.MEDIA_TYPES[kind])
        assert result.state == "Trusted"
        assert "assertion.boxesHash.match" in result.success


def test_a_box_hash_without_a_segment_does_not_match(
    agency_signer: MemorySigner, look: Look
) -> None:
    data = box_hashed_jpeg(media.jpeg(), signer=agency_signer, leave_out=["APP0"])
    assert look(data).failure == {"assertion.boxesHash.mismatch"}


def test_another_picture_inside_a_declared_exclusion_is_trusted(
    agency_signer: MemorySigner, look: Look
) -> None:
    shown, hashed = media.png(2, compress_level=0), media.png(1, compress_level=0)
    data = excluded_pixels_png(shown, hashed, signer=agency_signer)

    result = look(data, PNG)

    assert result.state == "Trusted"
    assert "assertion.dataHash.additionalExclusionsPresent" in result.informational
    assert Image.open(io.BytesIO(data)).tobytes() == Image.open(io.BytesIO(shown)).tobytes()


@pytest.mark.parametrize("kind", [b"free", b"skip", b"mfra"])
def test_exempt_boxes_after_an_mp4_are_not_noticed(
    kind: bytes, signed_mp4: bytes, look: Look
) -> None:
    assert look(surgery.append_box(signed_mp4, kind), MP4).state == "Trusted"


def test_another_box_after_an_mp4_is_noticed(signed_mp4: bytes, look: Look) -> None:
    result = look(surgery.append_box(signed_mp4, b"mdat"), MP4)
    assert result.failure == {"assertion.bmffHash.mismatch"}


def test_another_brand_is_not_noticed(signed_mp4: bytes, signed_heic: bytes, look: Look) -> None:
    assert look(surgery.rename_brand(signed_mp4, b"mp42"), MP4).state == "Trusted"
    assert look(surgery.rename_brand(signed_heic, b"mif1"), "image/heic").state == "Trusted"


@pytest.mark.parametrize("kind", ["docx", "epub"])
def test_a_program_before_a_document_is_not_noticed(kind: str, signed: Signed, look: Look) -> None:
    result = look(surgery.prepend(signed(kind)), media.MEDIA_TYPES[kind])
    assert result.state == "Trusted"
    assert "assertion.collectionHash.match" in result.success


def test_the_pad_of_the_signature_may_hold_anything(signed_jpeg: bytes, look: Look) -> None:
    forged = surgery.edit_store(
        signed_jpeg, JPEG, lambda store: store.set_unprotected({"hidden": b"\1" * 9000})
    )
    assert look(forged).state == "Trusted"


def test_a_version_one_claim_takes_a_time_from_anybody(
    agency_signer: MemorySigner, look: Look
) -> None:
    _, tsa = make_authority("Home-made")
    data = sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=1)

    result = look(surgery.forge_timestamp(data, JPEG, tsa=tsa, gen_time=STAMPED))

    assert "timeStamp.trusted" in result.success
    assert result.active["signature_info"]["time"] == "2025-02-01T00:00:00+00:00"


def test_a_later_claim_says_that_the_authority_is_unknown(signed_jpeg: bytes, look: Look) -> None:
    root, tsa = make_authority("Home-made")
    forged = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=tsa, gen_time=STAMPED)

    assert "timeStamp.untrusted" in look(forged).informational
    assert look(forged).active["signature_info"]["time"] == "2025-02-01T00:00:00+00:00"
    assert "timeStamp.trusted" in look(forged, tsa_anchors=[root]).success


@pytest.mark.parametrize(
    ("claim_version", "state"),
    [(1, "Trusted"), (2, "Invalid")],
)
def test_a_home_made_time_revives_an_expired_version_one_claim(
    claim_version: int, state: str, look: Look, expired: tuple[Holder, MemorySigner]
) -> None:
    _, tsa = make_authority("Home-made")
    data = surgery.sign_unchecked(
        media.jpeg(), JPEG, signer=expired[1], claim_version=claim_version
    )
    dead = {"signingCredential.expired", "signingCredential.untrusted"}

    assert look(data).failure == dead
    assert look(surgery.forge_timestamp(data, JPEG, tsa=tsa, gen_time=STAMPED)).state == state


def test_a_trusted_time_inside_the_window_keeps_an_expired_claim_alive(
    look: Look, expired: tuple[Holder, MemorySigner]
) -> None:
    root, tsa = make_authority("Meridian")
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=expired[1])
    inside = surgery.forge_timestamp(data, JPEG, tsa=tsa, gen_time=STAMPED)
    after = surgery.forge_timestamp(data, JPEG, tsa=tsa, gen_time=datetime(2025, 6, 1, tzinfo=UTC))

    assert look(inside, tsa_anchors=[root]).state == "Trusted"
    assert "signingCredential.expired" in look(after, tsa_anchors=[root]).failure


@pytest.mark.parametrize(
    ("purpose", "state"),
    [
        (pki.CLAIM_SIGNING, "Trusted"),
        (pki.EMAIL_PROTECTION, "Trusted"),
        (pki.DOCUMENT_SIGNING, "Trusted"),
        (pki.TIME_STAMPING, "Trusted"),
        (pki.OCSP_SIGNING, "Trusted"),
        ("2.5.29.37.0", "Invalid"),
        ("1.3.6.1.5.5.7.3.1", "Invalid"),
        (None, "Invalid"),
    ],
)
def test_which_purposes_the_engine_takes_for_a_signer(purpose: str | None, state: str) -> None:
    eku = None if purpose is None else [purpose]
    root, _, leaf = pki.three_tier(f"For {purpose}", eku=eku)
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=pki.signer_of(leaf))
    assert read(data, JPEG, anchors=[root]).state == state


def test_a_weak_key_signs_nothing() -> None:
    root, _, leaf = pki.three_tier("Weak", kind=KeyKind.RSA1024)
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=pki.signer_of(leaf))
    assert read(data, JPEG, anchors=[root]).failure == {"signingCredential.invalid"}


def test_a_strangers_update_makes_the_file_the_strangers(
    signed_jpeg: bytes, forger: MemorySigner, look: Look
) -> None:
    result = look(update(signed_jpeg, JPEG, signer=forger))
    assert result.failure == {"signingCredential.untrusted"}


def test_an_update_by_a_good_signer_hides_that_the_manifest_beneath_has_expired(
    look: Look, agency_signer: MemorySigner, expired: tuple[Holder, MemorySigner]
) -> None:
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=expired[1])
    assert look(data).state == "Invalid"
    assert look(update(data, JPEG, signer=agency_signer)).state == "Trusted"


def test_a_time_stamp_update_names_the_manifest_beneath(
    signed_jpeg: bytes, agency_signer: MemorySigner, look: Look
) -> None:
    root, tsa = make_authority("Meridian")
    data = timestamp_update(signed_jpeg, JPEG, signer=agency_signer, tsa=tsa, gen_time=STAMPED)

    assert look(data, tsa_anchors=[root]).state == "Trusted"
    stamps = parse_store(store_of(data, JPEG)).assertion("c2pa.time-stamp")
    assert list(stamps) == [parse_store(store_of(signed_jpeg, JPEG)).label]


def test_fragments_match_only_with_their_own_initialisation(
    agency_signer: MemorySigner, look: Look
) -> None:
    start, fragments = sign_fragments(*media.fragmented_mp4(), signer=agency_signer)
    _, foreign = sign_fragments(*media.fragmented_mp4(2), signer=agency_signer)
    mismatch = {"assertion.bmffHash.mismatch"}

    assert len(fragments) == 3
    assert look(start, MP4).failure == mismatch
    for fragment in fragments:
        assert look(start, MP4, fragment=fragment).state == "Trusted"
    assert look(start, MP4, fragment=foreign[0]).failure == mismatch
    assert look(start, MP4, fragment=surgery.flip_bit(fragments[0], -9)).failure == mismatch


def test_a_store_comes_back_from_its_parts_byte_for_byte(signed: Signed) -> None:
    store = store_of(signed("jpeg"), JPEG)
    assert parse_store(store).to_bytes() == store


@pytest.mark.parametrize("size", [3_000, 12_000, 80_000])
def test_a_store_is_brought_to_a_size_without_breaking_its_signature(
    size: int, signed_jpeg: bytes
) -> None:
    store = parse_store(store_of(signed_jpeg, JPEG))
    signature = store.signature
    store.resize(size)
    assert len(store.to_bytes()) == size
    assert store.signature == signature
