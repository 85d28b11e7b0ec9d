"""Copies of official media, changed: what a real register says of them, and to whom."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from provenance.findings import FindingCode
from provenance.fingerprints.media import fingerprint_media
from provenance.media.formats import FORMATS
from provenance.registry.register.register import Register
from provenance.report import Region, Report
from provenance.runtime.register_search import SearchedRegister
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import ReleaseState, SignerKind, Verdict
from provenance.verification.verifier import Verifier
from tests.factory import judging, media, pki
from tests.factory.judging import AT
from tests.factory.official import Altered, Press, jpeg_of, scene_of, with_a_replaced_face
from tests.factory.sign import sign

JPEG = "image/jpeg"
STATED = AT - timedelta(days=1)
UNTIL = AT + timedelta(days=7)
Ask = Callable[..., Report]


@pytest.fixture(scope="module")
def official(agency_signer: MemorySigner) -> bytes:
    """A photo as the agency released it."""
    return sign(jpeg_of(scene_of(3)), JPEG, signer=agency_signer)


@pytest.fixture(scope="module")
def changed() -> Altered:
    """The same photo with something as large as a face in another's place."""
    return with_a_replaced_face(scene_of(3))


@pytest.fixture(scope="module")
def product() -> tuple[pki.Holder, MemorySigner]:
    root, _, leaf = pki.three_tier("Acme Editor", organization="Acme Editor")
    return root, pki.signer_of(leaf)


@pytest.fixture(scope="module")
def register(
    tmp_path_factory: pytest.TempPathFactory, agency_signer: MemorySigner, official: bytes
) -> Iterator[Register]:
    """The photo is released; another one is under embargo."""
    with Register(tmp_path_factory.mktemp("lookalikes") / "register.db") as made:
        press = Press(made, agency_signer, STATED)
        press.release("NOVA9-1", official)
        secret = sign(jpeg_of(scene_of(5)), JPEG, signer=agency_signer)
        press.release("NOVA9-9", secret, embargo_until=UNTIL)
        yield made


@pytest.fixture(scope="module")
def ask(agency: DevAgency, product: tuple[pki.Holder, MemorySigner], register: Register) -> Ask:
    def call(data: bytes, *, reader: str | None = None, after: timedelta = timedelta()) -> Report:
        at = AT + after
        searched = SearchedRegister(register, agency=reader, clock=lambda: at)
        verifier = Verifier(
            directory=judging.directory_of(agency),
            trust_lists=[judging.trust_list("products", product[0])],
            register=searched.view,
            clock=lambda: at,
        )
        return verifier.verify(data, name="photo.jpg")

    return call


def overlap(one: Region, other: Region) -> float:
    """Intersection over union."""
    wide = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    high = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    both = max(0.0, wide) * max(0.0, high)
    return both / (one.width * one.height + other.width * other.height - both)


@pytest.mark.parametrize("saved_by_a_product", [False, True])
def test_a_replaced_face_is_a_look_alike_with_the_place_boxed(
    ask: Ask,
    official: bytes,
    changed: Altered,
    product: tuple[pki.Holder, MemorySigner],
    *,
    saved_by_a_product: bool,
) -> None:
    """Also where a listed product, which signs whatever its user opens, has signed it."""
    data = sign(changed.data, JPEG, signer=product[1]) if saved_by_a_product else changed.data
    report = ask(data)
    assert report.verdict is Verdict.LOOKALIKE
    assert report.has(FindingCode.RESEMBLES_RELEASE)
    assert report.has(FindingCode.DIFFERS_FROM_RELEASE)
    expected = SignerKind.LISTED if saved_by_a_product else SignerKind.NONE
    assert report.signer.kind is expected
    assert not report.meets("signed")
    (lead,) = report.resemblance
    assert (lead.release, lead.state) == ("NOVA9-1", ReleaseState.CURRENT)
    (box,) = lead.differs
    assert overlap(box, changed.region) >= 0.5
    assert "fake" not in report.summary.lower()

    twin = ask(official)
    assert twin.verdict is Verdict.OFFICIAL
    assert twin.release.state is ReleaseState.CURRENT
    assert twin.resemblance == ()


def test_a_copy_that_was_only_saved_again_differs_nowhere(ask: Ask) -> None:
    report = ask(jpeg_of(scene_of(3), quality=60))
    assert report.verdict is Verdict.LOOKALIKE
    assert not report.has(FindingCode.DIFFERS_FROM_RELEASE)
    assert report.resemblance[0].differs == ()
    # The twin is another scene.
    twin = ask(jpeg_of(scene_of(8)))
    assert twin.verdict is Verdict.UNVERIFIED
    assert twin.resemblance == ()


def test_a_copy_of_what_is_under_embargo_tells_nobody_that_there_is_such_a_thing(
    ask: Ask, agency: DevAgency
) -> None:
    copy = jpeg_of(scene_of(5), quality=70)
    stranger = ask(jpeg_of(scene_of(8), quality=70))

    def said(report: Report) -> object:
        steps = [(step.place, step.outcome, step.why, step.release) for step in report.recovery]
        checks = [(check.check, check.why) for check in report.checks_not_run]
        return report.verdict, report.summary, report.resemblance, steps, checks

    report = ask(copy)
    assert report.verdict is Verdict.UNVERIFIED
    # Word for word what is said of a picture that nobody registered.
    assert said(report) == said(stranger)
    assert said(ask(copy, reader="borealis")) == said(stranger)
    assert "NOVA9-9" not in report.model_dump_json()

    for twin in (ask(copy, reader=agency.agency_id), ask(copy, after=timedelta(days=8))):
        assert twin.verdict is Verdict.LOOKALIKE
        assert twin.resemblance[0].release == "NOVA9-9"


def test_what_merely_has_a_code_like_a_release_is_no_look_alike(
    ask: Ask, register: Register
) -> None:
    """A code can be met on purpose: without confirmation it says nothing."""
    decoy = jpeg_of(scene_of(9))
    kept = fingerprint_media(io.BytesIO(media.jpeg(seed=3)), FORMATS["jpeg"])
    codes = fingerprint_media(io.BytesIO(decoy), FORMATS["jpeg"]).codes
    (file,) = register.view(clock=lambda: AT).files_of_release(
        "aurora-entertainment", "NOVA9-1", at=AT
    )
    mixed = replace(kept, codes=codes)
    original = fingerprint_media(io.BytesIO(jpeg_of(scene_of(3))), FORMATS["jpeg"])
    register.codes.replace(file.sha256, mixed)
    try:
        report = ask(decoy)
    finally:
        register.codes.replace(file.sha256, original)
    assert report.verdict is Verdict.UNVERIFIED
    assert report.resemblance == ()

    twin = ask(jpeg_of(scene_of(3), quality=60))
    assert twin.verdict is Verdict.LOOKALIKE
