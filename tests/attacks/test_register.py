"""What a register may say about a file, and what it must not be able to lend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provenance.findings import FindingCode
from provenance.report import Region, Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, ReleaseState, SignerKind, Verdict
from provenance.verification.policy import Policy
from provenance.verification.register import (
    BindingMatch,
    LogPlace,
    RegisteredManifest,
    RegisteredRelease,
    ResemblanceAnswer,
)
from tests.factory import judging, media, pki, surgery
from tests.factory.judging import AT, GOOD, codes
from tests.factory.register import MemoryRegister, file_of, match_of, release_of
from tests.factory.sign import sidecar, sign, store_of
from tests.factory.stores import parse_store, store_over
from tests.factory.updates import update

JPEG = "image/jpeg"
ISCC = "ISCC:EED7GKWPTCYWNMFPV2BWZ3YYWBPGDRHS5E3LCIJVOZWQEYV6N5MQYZA"
Ask = Callable[..., Report]


@pytest.fixture(scope="session")
def product() -> tuple[pki.Holder, MemorySigner]:
    root, _, leaf = pki.three_tier("Acme Cameras", organization="Acme Cameras")
    return root, pki.signer_of(leaf)


@pytest.fixture(scope="session")
def ask(agency: DevAgency, product: tuple[pki.Holder, MemorySigner]) -> Ask:
    """Verifies a file with a register."""
    directory = judging.directory_of(agency)
    listed = [judging.trust_list("products", product[0])]

    def call(data: bytes, register: MemoryRegister | None, policy: Policy | None = None) -> Report:
        verifier = judging.verifier_of(
            directory, trust_lists=listed, register=register, policy=policy
        )
        return verifier.verify(data, name="stage.jpg")

    return call


@pytest.fixture
def release(agency: DevAgency) -> RegisteredRelease:
    return release_of(agency.agency_id)


def kept(data: bytes, store: bytes, release: RegisteredRelease) -> MemoryRegister:
    """A register that has this store for exactly these bytes."""
    entry = RegisteredManifest(
        label="urn:c2pa:kept", store=store, file=file_of(release, data, JPEG)
    )
    return MemoryRegister(manifests=[entry])


def step(report: Report, place: str) -> str:
    (found,) = [one for one in report.recovery if one.place == place]
    return found.outcome


# The register's manifest for exactly these bytes.


def test_the_registers_manifest_proves_a_file_that_carries_none(
    ask: Ask, agency_signer: MemorySigner, release: RegisteredRelease
) -> None:
    plain = media.jpeg()
    register = kept(plain, sidecar(plain, JPEG, signer=agency_signer), release)
    report = ask(plain, register)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.REGISTER_MANIFEST_USED}
    assert report.integrity.credentials_from == "register"
    assert [step(report, place) for place in ("embedded", "sidecar", "register-bytes")] == [
        "nothing",
        "nothing",
        "answered",
    ]
    assert register.looked == 0

    twin = ask(plain, MemoryRegister())
    assert twin.verdict is Verdict.UNVERIFIED
    assert step(twin, "register-bytes") == "nothing"


def test_a_register_with_the_manifest_of_another_file_lends_nothing(
    ask: Ask, agency_signer: MemorySigner, release: RegisteredRelease
) -> None:
    plain = media.jpeg()
    other = sidecar(media.jpeg(seed=7), JPEG, signer=agency_signer)
    report = ask(plain, kept(plain, other, release))
    assert report.verdict is Verdict.UNVERIFIED
    assert report.integrity.state is IntegrityState.ABSENT
    assert step(report, "register-bytes") == "failed"
    assert FindingCode.REGISTER_MANIFEST_USED not in codes(report)


def test_a_register_with_a_strangers_manifest_lends_nothing(
    ask: Ask, stranger: MemorySigner, release: RegisteredRelease
) -> None:
    plain = media.jpeg()
    report = ask(plain, kept(plain, sidecar(plain, JPEG, signer=stranger), release))
    assert report.verdict is Verdict.UNVERIFIED
    assert step(report, "register-bytes") == "failed"
    assert report.signer.kind is SignerKind.NONE


def test_a_register_with_junk_for_a_manifest_lends_nothing(
    ask: Ask, release: RegisteredRelease
) -> None:
    plain = media.jpeg()
    report = ask(plain, kept(plain, b"\0\0\0\x10jumbnonsense", release))
    assert report.verdict is Verdict.UNVERIFIED
    assert step(report, "register-bytes") == "failed"


def test_more_manifests_for_the_same_bytes_than_are_tried(
    ask: Ask, agency_signer: MemorySigner, release: RegisteredRelease
) -> None:
    """Of those that were not tried, nothing is said."""
    plain = media.jpeg()
    file = file_of(release, plain, JPEG)
    other = sidecar(media.jpeg(seed=7), JPEG, signer=agency_signer)
    right = sidecar(plain, JPEG, signer=agency_signer)
    labels = [f"urn:c2pa:{number}" for number in range(9)]
    junk = [RegisteredManifest(label=label, store=other, file=file) for label in labels]
    last = RegisteredManifest(label="urn:c2pa:right", store=right, file=file)

    def said(*manifests: RegisteredManifest) -> tuple[Report, str, list[str]]:
        report = ask(plain, MemoryRegister(manifests=list(manifests)))
        (found,) = [one for one in report.recovery if one.place == "register-bytes"]
        not_run = [c.why for c in report.checks_not_run if c.check == "manifests in the register"]
        return report, found.why, not_run

    report, why, not_run = said(*junk, last)
    assert report.verdict is Verdict.UNVERIFIED
    assert step(report, "register-bytes") == "failed"
    tried = "8 of 10 manifests for these bytes were tried"
    assert why == f"{tried}, and none of them proves these bytes as an agency's"
    assert not_run == [f"only {tried}"]

    all_tried, why, not_run = said(*junk[:8])
    assert all_tried.verdict is Verdict.UNVERIFIED
    assert why == "no manifest that the register has for these bytes proves them as an agency's"
    assert not_run == []
    assert said(*junk[:7], last)[0].verdict is Verdict.OFFICIAL


def test_embedded_credentials_that_match_are_not_overruled_by_the_register(
    ask: Ask, stranger: MemorySigner, agency_signer: MemorySigner, release: RegisteredRelease
) -> None:
    made = sidecar(media.jpeg(), JPEG, signer=agency_signer)
    resigned = sign(media.jpeg(), JPEG, signer=stranger)
    report = ask(resigned, kept(resigned, store_over(resigned, made, agency_signer), release))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.integrity.credentials_from == "embedded"
    assert step(report, "register-bytes") == "not-tried"

    # Broken ones can be put into any file by anybody.
    spoiled = surgery.flip_in_media(resigned, JPEG)
    twin = ask(spoiled, kept(spoiled, store_over(spoiled, made, agency_signer), release))
    assert twin.verdict is Verdict.OFFICIAL
    assert codes(twin) == GOOD | {
        FindingCode.REGISTER_MANIFEST_USED,
        FindingCode.EMBEDDED_OVERRULED,
    }
    assert step(twin, "embedded") == "failed"


def test_a_register_that_cannot_be_read_is_a_check_that_was_not_made(
    ask: Ask, signed_jpeg: bytes
) -> None:
    broken = MemoryRegister(broken="database: cannot be reached")
    plain = ask(media.jpeg(), broken)
    assert plain.verdict is Verdict.UNVERIFIED
    assert {check.check for check in plain.checks_not_run} >= {
        "manifests in the register",
        "resemblance",
    }
    official = ask(signed_jpeg, broken)
    assert official.verdict is Verdict.OFFICIAL
    assert official.release.state is ReleaseState.UNKNOWN
    (check,) = [c for c in official.checks_not_run if c.check == "release status"]
    assert check.why == "database: cannot be reached"


# What became of the release.


def test_a_withdrawn_release_is_official_no_longer(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    gone = release_of(release.agency, state=ReleaseState.WITHDRAWN, reason="rights")
    report = ask(signed_jpeg, MemoryRegister(entries=[file_of(gone, signed_jpeg, JPEG)]))
    assert report.verdict is Verdict.OFFICIAL_WITHDRAWN
    assert codes(report) == GOOD | {FindingCode.RELEASE_WITHDRAWN}
    assert report.release.reason == "rights"
    assert not report.meets("official")
    assert report.meets("signed")

    twin = ask(signed_jpeg, MemoryRegister(entries=[file_of(release, signed_jpeg, JPEG)]))
    assert twin.verdict is Verdict.OFFICIAL
    assert codes(twin) == GOOD | {FindingCode.RELEASE_CURRENT}
    assert "release status" not in {check.check for check in twin.checks_not_run}


def test_nobody_withdraws_somebody_elses_release(ask: Ask, signed_jpeg: bytes) -> None:
    rival = release_of("meridian-records", state=ReleaseState.WITHDRAWN)
    report = ask(signed_jpeg, MemoryRegister(entries=[file_of(rival, signed_jpeg, JPEG)]))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD
    assert report.release.state is ReleaseState.UNKNOWN


def test_a_withdrawn_release_is_found_by_its_manifest_too(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    label = ask(signed_jpeg, None).integrity.manifest
    assert label is not None
    gone = release_of(release.agency, state=ReleaseState.WITHDRAWN)
    register = MemoryRegister(labels={label: file_of(gone, b"another copy", JPEG)})
    assert ask(signed_jpeg, register).verdict is Verdict.OFFICIAL_WITHDRAWN


@pytest.mark.parametrize("updates", [1, 2])
def test_a_withdrawn_release_is_found_by_the_update_that_it_was_registered_with(
    updates: int,
    ask: Ask,
    signed_jpeg: bytes,
    agency_signer: MemorySigner,
    release: RegisteredRelease,
) -> None:
    registered = update(signed_jpeg, JPEG, signer=agency_signer)
    label = parse_store(store_of(registered, JPEG)).label
    data = registered if updates == 1 else update(registered, JPEG, signer=agency_signer)
    gone = release_of(release.agency, state=ReleaseState.WITHDRAWN)
    register = MemoryRegister(labels={label: file_of(gone, b"another copy", JPEG)})
    report = ask(data, register)
    assert report.verdict is Verdict.OFFICIAL_WITHDRAWN
    assert label in report.integrity.manifests

    register = MemoryRegister(labels={label: file_of(release, b"another copy", JPEG)})
    twin = ask(data, register)
    assert twin.verdict is Verdict.OFFICIAL
    assert codes(twin) == GOOD | {FindingCode.RELEASE_CURRENT}


def test_the_same_bytes_in_a_release_that_stands_are_official(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    gone = release_of(release.agency, release="SINGLE", state=ReleaseState.WITHDRAWN)
    entries = [file_of(gone, signed_jpeg, JPEG), file_of(release, signed_jpeg, JPEG)]
    report = ask(signed_jpeg, MemoryRegister(entries=entries))
    assert report.verdict is Verdict.OFFICIAL
    assert report.release.id == release.release


def test_a_superseded_release_is_official_and_says_so(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    logged = LogPlace(origin="log.example/aurora", entry=12, logged_at=AT)
    old = release_of(
        release.agency, state=ReleaseState.SUPERSEDED, replaced_by="NOVA9-2026-12", log=logged
    )
    report = ask(signed_jpeg, MemoryRegister(entries=[file_of(old, signed_jpeg, JPEG)]))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.RELEASE_SUPERSEDED}
    assert report.release.replaced_by == "NOVA9-2026-12"
    assert report.release.log is not None
    assert report.release.log.entry == 12
    assert "newer version" in report.summary


def test_an_altered_copy_of_a_withdrawn_release_is_altered(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    gone = release_of(release.agency, state=ReleaseState.WITHDRAWN)
    altered = surgery.flip_in_media(signed_jpeg, JPEG)
    report = ask(altered, MemoryRegister(entries=[file_of(gone, altered, JPEG)]))
    assert report.verdict is Verdict.ALTERED
    assert report.release.state is ReleaseState.UNKNOWN


# What it looks like.


def alike(release: RegisteredRelease, **fields: object) -> MemoryRegister:
    """A register in which everything resembles this release."""
    match = match_of(file_of(release, b"the release", JPEG), **fields)
    manifest = RegisteredManifest(label="urn:c2pa:kept", store=b"", file=match.file)
    return MemoryRegister(
        answer=ResemblanceAnswer(matches=(match,), iscc=ISCC),
        bindings=[BindingMatch(manifest=manifest, distance=9)],
    )


@pytest.mark.parametrize(("inliers", "first"), [(402, "NOVA9-AGAIN"), (401, "NOVA9-2026-11")])
def test_of_two_releases_of_one_picture_the_current_one_is_named(
    ask: Ask, release: RegisteredRelease, agency: DevAgency, inliers: int, first: str
) -> None:
    withdrawn = replace(release, state=ReleaseState.WITHDRAWN)
    again = release_of(agency.agency_id, release="NOVA9-AGAIN")
    matches = (
        match_of(file_of(withdrawn, b"first", JPEG)),
        match_of(file_of(again, b"again", JPEG), inliers=inliers),
    )
    report = ask(media.jpeg(), MemoryRegister(answer=ResemblanceAnswer(matches=matches)))
    assert report.verdict is Verdict.LOOKALIKE
    assert report.resemblance[0].release == first
    # What is nearer by anything stays first, and then it is said that it was withdrawn.
    assert ("withdrawn" in report.summary) is (first == withdrawn.release)


def test_a_copy_without_credentials_that_resembles_a_release_is_a_look_alike(
    ask: Ask, release: RegisteredRelease
) -> None:
    report = ask(media.jpeg(), alike(release))
    assert report.verdict is Verdict.LOOKALIKE
    assert codes(report) == {FindingCode.RESEMBLES_RELEASE}
    (lead,) = report.resemblance
    assert (lead.release, lead.distance, lead.inliers) == (release.release, 12, 402)
    assert lead.agency is not None
    assert lead.agency.id == release.agency
    assert report.signer.kind is SignerKind.NONE
    assert "carries no proof" in report.summary
    binding, resemblance = report.recovery[-2:]
    assert (binding.place, binding.outcome) == ("register-binding", "answered")
    assert binding.manifest == "urn:c2pa:kept"
    assert (resemblance.place, resemblance.outcome) == ("resemblance", "answered")

    twin = ask(media.jpeg(), MemoryRegister())
    assert twin.verdict is Verdict.UNVERIFIED
    assert twin.recovery[-1].outcome == "nothing"


def test_a_listed_product_lends_a_look_alike_nothing(
    ask: Ask, product: tuple[pki.Holder, MemorySigner], release: RegisteredRelease
) -> None:
    saved = sign(media.jpeg(), JPEG, signer=product[1])
    box = Region(left=0.4, top=0.2, width=0.2, height=0.2)
    report = ask(saved, alike(release, differs=(box,), edits=("overlaid",)))
    assert report.verdict is Verdict.LOOKALIKE
    assert report.signer.kind is SignerKind.LISTED
    assert report.resemblance[0].differs == (box,)
    assert report.has(FindingCode.DIFFERS_FROM_RELEASE)
    assert not report.meets("signed")

    twin = ask(saved, MemoryRegister())
    assert twin.verdict is Verdict.SIGNED
    assert twin.meets("signed")


def test_an_altered_release_stays_altered_whatever_it_resembles(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    report = ask(surgery.flip_in_media(signed_jpeg, JPEG), alike(release))
    assert report.verdict is Verdict.ALTERED
    assert report.resemblance[0].release == release.release
    assert "Starlight" in report.summary


def test_an_official_release_is_not_compared_with_anything(
    ask: Ask, signed_jpeg: bytes, release: RegisteredRelease
) -> None:
    register = alike(release)
    report = ask(signed_jpeg, register)
    assert report.verdict is Verdict.OFFICIAL
    assert report.resemblance == ()
    assert register.looked == 0
    (check,) = [c for c in report.checks_not_run if c.check == "resemblance"]
    assert check.why == "an agency's signature counts, so no lead is needed"


def test_a_release_of_an_agency_that_nobody_lists_is_not_named(ask: Ask) -> None:
    report = ask(media.jpeg(), alike(release_of("meridian-records")))
    assert report.verdict is Verdict.UNVERIFIED
    assert report.resemblance == ()
    (check,) = [c for c in report.checks_not_run if c.check == "part of the resemblance"]
    assert "does not list" in check.why


def test_a_policy_may_leave_resemblance_out_and_the_report_says_so(
    ask: Ask, release: RegisteredRelease
) -> None:
    register = alike(release)
    report = ask(media.jpeg(), register, Policy(resemblance=False))
    assert report.verdict is Verdict.UNVERIFIED
    assert register.looked == 0
    assert {c.check: c.why for c in report.checks_not_run}["resemblance"] == (
        "the policy does not ask for it"
    )


def test_without_a_register_nothing_is_said_of_release_and_resemblance(
    ask: Ask, signed_jpeg: bytes
) -> None:
    for data in (signed_jpeg, media.jpeg()):
        report = ask(data, None)
        whys = {c.check: c.why for c in report.checks_not_run}
        assert whys["resemblance"] == whys["release status"]
        assert "no register" in whys["resemblance"]
        assert report.context.register_of_releases is None
