from __future__ import annotations

import io
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import LimitError, RequirementNotMetError, SourceError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from provenance.verdict import (
    IntegrityState,
    ReleaseState,
    RevocationState,
    SignerKind,
    TimeState,
    Verdict,
)
from provenance.verification.policy import Policy
from provenance.verification.verifier import Verifier
from tests.factory import judging, media, pki
from tests.factory.judging import AT, GOOD, codes, directory_of, trust_list, verifier_of
from tests.factory.pki import Holder
from tests.factory.sign import sidecar, sign
from tests.factory.stores import Store
from tests.factory.surgery import forge_timestamp, resign, sign_unchecked
from tests.factory.tsa import make_authority

JPEG = "image/jpeg"
EARLY = datetime(2025, 2, 1, tzinfo=UTC)
THEFT = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def meridian() -> tuple[Holder, Holder]:
    return make_authority("Meridian")


@pytest.fixture(scope="module")
def make(agency: DevAgency, meridian: tuple[Holder, Holder]) -> Callable[..., Verifier]:
    """A verifier with the agency's directory, changed as the test says."""

    def call(*, policy: Policy | None = None, **directory: Any) -> Verifier:
        stamps = trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
        return verifier_of(
            directory_of(agency, **directory), time_stamp_lists=[stamps], policy=policy
        )

    return call


Make = Callable[..., Verifier]


@pytest.fixture(scope="module")
def stamped(signed_jpeg: bytes, meridian: tuple[Holder, Holder]) -> bytes:
    """Signed and time-stamped before the theft."""
    return forge_timestamp(signed_jpeg, JPEG, tsa=meridian[1], gen_time=EARLY)


def test_an_official_release_and_all_its_axes(
    signed_jpeg: bytes, make: Make, agency: DevAgency
) -> None:
    report = make().verify(signed_jpeg, name="stage.jpg")
    assert report.verdict is Verdict.OFFICIAL
    assert report.reason is None
    assert codes(report) == GOOD
    assert report.asset.name == "stage.jpg"
    assert report.asset.media_type == JPEG
    assert report.integrity.state is IntegrityState.INTACT
    assert report.integrity.binding == "c2pa.hash.data"
    assert report.integrity.credentials_from == "embedded"
    assert report.signer.kind is SignerKind.AGENCY
    assert report.signer.recognised_by == f"anchor:{agency.agency_id}-test-root"
    assert report.signer.agency is not None
    assert report.signer.agency.names == {
        "en": "Aurora Entertainment",
        "ko": "오로라 엔터테인먼트",
    }
    assert report.time.state is TimeState.NONE
    assert report.revocation.state is RevocationState.NOT_CHECKED
    assert report.release.state is ReleaseState.UNKNOWN
    assert report.manifest is not None
    assert report.manifest.title == "stage lights"
    assert report.coverage.uncovered == ()
    covered, manifest = report.coverage.covered_bytes, report.coverage.manifest_bytes
    assert covered + manifest == len(signed_jpeg)
    assert {"release status", "resemblance", "revocation"} <= {
        check.check for check in report.checks_not_run
    }


def test_the_context_names_everything_that_was_judged_with(signed_jpeg: bytes, make: Make) -> None:
    policy = Policy(name="strict", version="7", max_directory_age=None)
    context = make(policy=policy).verify(signed_jpeg).context
    assert context.verified_at == AT
    assert context.verifier.startswith("provenance-verifier ")
    assert context.engine.name == "c2pa-python"
    assert context.engine.version
    assert context.engine.native_version
    assert context.directory is not None
    assert (context.directory.version, context.directory.test) == (1, True)
    assert context.directory.source == "made by a test"
    assert len(context.directory.sha256) == 64
    assert [(entry.name, entry.purpose) for entry in context.trust_lists] == [
        ("meridian", "time-stamp")
    ]
    assert (context.policy.name, context.policy.version) == ("strict", "7")


def test_without_a_directory_nothing_is_official(signed_jpeg: bytes) -> None:
    report = verifier_of(None).verify(signed_jpeg)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == GOOD - {FindingCode.SIGNER_IS_AGENCY} | {
        FindingCode.SIGNER_UNRECOGNISED,
        FindingCode.NO_DIRECTORY,
        FindingCode.TEST_KEY,
    }
    assert report.context.directory is None
    assert report.test
    assert report.summary.startswith("TEST. ")


def test_the_agencys_root_on_a_trust_list_is_not_a_directory(
    signed_jpeg: bytes, agency: DevAgency
) -> None:
    listed = trust_list("products", agency.root)
    report = verifier_of(None, trust_lists=[listed]).verify(signed_jpeg)
    assert report.verdict is Verdict.SIGNED
    assert report.signer.agency is None


@pytest.mark.parametrize("data", ["signed", "unsigned", "empty", "altered", "too large"])
def test_a_test_directory_says_test_first_in_every_report(
    data: str, signed_jpeg: bytes, make: Make, agency: DevAgency
) -> None:
    bytes_of = {
        "signed": signed_jpeg,
        "unsigned": media.jpeg(),
        "empty": b"",
        "altered": signed_jpeg[:-1],
        "too large": signed_jpeg,
    }
    verifier = make()
    if data == "too large":
        verifier = verifier_of(directory_of(agency), limits=Limits(max_asset_bytes=100))
    report = verifier.verify(bytes_of[data])
    assert report.test
    assert report.summary.startswith("TEST. ")
    assert report.has(FindingCode.TEST_DIRECTORY)


@pytest.mark.parametrize(
    ("fields", "policy", "why"),
    [
        ({"expires_at": "2026-10-31T00:00:00Z"}, None, "it expired at"),
        ({}, Policy(max_directory_age=timedelta(days=30)), "days old"),
    ],
)
def test_an_old_directory_makes_nothing_official(
    fields: dict[str, Any], policy: Policy | None, why: str, signed_jpeg: bytes, make: Make
) -> None:
    verifier = make(policy=policy, **fields)
    report = verifier.verify(signed_jpeg)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.DIRECTORY_TOO_OLD
    (found,) = (f for f in report.findings if f.code is FindingCode.DIRECTORY_TOO_OLD)
    assert why in found.evidence["why"]

    # It is no reason to doubt a file that the agency has nothing to do with.
    other = verifier.verify(media.jpeg())
    assert other.verdict is Verdict.UNVERIFIED
    assert any(why in check.why for check in other.checks_not_run)


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({"expires_at": "2026-11-01T12:00:00Z"}, None),
        ({}, Policy(max_directory_age=timedelta(days=3650))),
        ({"issued_at": "2026-10-31T12:00:00Z"}, Policy(max_directory_age=timedelta(days=1))),
    ],
)
def test_twin_a_directory_that_is_young_enough(
    fields: dict[str, Any], policy: Policy | None, signed_jpeg: bytes, make: Make
) -> None:
    assert make(policy=policy, **fields).verify(signed_jpeg).verdict is Verdict.OFFICIAL


def test_an_old_directory_acquits_nobody(signed_jpeg: bytes, make: Make) -> None:
    verifier = make(expires_at="2026-10-31T00:00:00Z")
    report = verifier.verify(signed_jpeg[:-1])
    assert report.verdict is Verdict.ALTERED


def test_a_moment_without_a_time_zone_is_refused(signed_jpeg: bytes, make: Make) -> None:
    with pytest.raises(ValueError, match="at: expected an aware time"):
        make().verify(signed_jpeg, at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_judged_as_of_a_moment(signed_jpeg: bytes, make: Make) -> None:
    before = make().verify(signed_jpeg, at=datetime(2024, 1, 1, tzinfo=UTC))
    assert before.verdict is Verdict.UNDETERMINED
    assert before.reason is FindingCode.CERTIFICATE_NOT_YET_VALID
    assert before.context.verified_at == datetime(2024, 1, 1, tzinfo=UTC)


def _revoked(agency: DevAgency, **fields: Any) -> dict[str, Any]:
    return {"revoked": [{"spki_sha256": agency.leaf_spki_sha256, **fields}]}


def test_a_disowned_key(signed_jpeg: bytes, stamped: bytes, make: Make, agency: DevAgency) -> None:
    verifier = make(entry=_revoked(agency))
    for data in (signed_jpeg, stamped):
        report = verifier.verify(data)
        assert report.verdict is Verdict.SIGNED_UNRECOGNISED
        assert FindingCode.KEY_DISOWNED in codes(report)
        assert report.signer.agency is None
        assert report.signer.disowned_by is not None
        assert report.summary == ("TEST. Signed with a key that Aurora Entertainment has disowned.")


@pytest.mark.parametrize("how", ["revoked since", "key compromised", "anchor compromised"])
def test_a_key_that_was_stolen_at_a_moment(  # noqa: PLR0917
    how: str,
    signed_jpeg: bytes,
    stamped: bytes,
    make: Make,
    agency: DevAgency,
    meridian: tuple[Holder, Holder],
) -> None:
    since = THEFT.isoformat()
    if how == "revoked since":
        fields: dict[str, Any] = {"entry": _revoked(agency, since=since)}
    elif how == "key compromised":
        key = {
            "id": "pinned",
            "spki_sha256": agency.leaf_spki_sha256,
            "compromised_since": since,
        }
        fields = {"entry": {"anchors": [], "keys": [key]}}
    else:
        anchors = agency.directory_entry()["agencies"][0]["anchors"]
        fields = {"entry": {"anchors": [{**anchors[0], "compromised_since": since}]}}
    verifier = make(**fields)
    assert verifier.verify(stamped).verdict is Verdict.OFFICIAL

    later = forge_timestamp(signed_jpeg, JPEG, tsa=meridian[1], gen_time=THEFT)
    home_made = make_authority("Home-made")[1]
    forged = forge_timestamp(signed_jpeg, JPEG, tsa=home_made, gen_time=EARLY)
    for data in (signed_jpeg, later, forged):
        report = verifier.verify(data)
        assert report.verdict is Verdict.SIGNED_UNRECOGNISED
        assert FindingCode.KEY_DISOWNED in codes(report)


@pytest.mark.parametrize("how", ["revoked", "anchor compromised"])
def test_a_disowned_key_does_not_come_back_by_a_trust_list(
    how: str, signed_jpeg: bytes, agency: DevAgency
) -> None:
    anchor = agency.directory_entry()["agencies"][0]["anchors"][0]
    entry = {
        "revoked": _revoked(agency),
        "anchor compromised": {"anchors": [{**anchor, "compromised_since": THEFT.isoformat()}]},
    }[how]
    report = verifier_of(
        directory_of(agency, entry=entry), trust_lists=[trust_list("products", agency.root)]
    ).verify(signed_jpeg)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert FindingCode.KEY_DISOWNED in codes(report)


def test_a_key_outside_its_window(signed_jpeg: bytes, make: Make, agency: DevAgency) -> None:
    anchors = agency.directory_entry()["agencies"][0]["anchors"]
    entry = {"anchors": [{**anchors[0], "not_after": "2026-06-01T00:00:00Z"}]}
    report = make(entry=entry).verify(signed_jpeg)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert FindingCode.KEY_OUTSIDE_WINDOW in codes(report)
    assert make(entry=entry).verify(signed_jpeg, at=EARLY).verdict is Verdict.OFFICIAL


@pytest.mark.parametrize(
    ("kinds", "verdict"),
    [
        (["image"], Verdict.OFFICIAL),
        (None, Verdict.OFFICIAL),
        (["video", "audio"], Verdict.SIGNED_UNRECOGNISED),
        ([], Verdict.SIGNED_UNRECOGNISED),
    ],
)
def test_the_scope_of_an_agency(
    kinds: list[str] | None, verdict: Verdict, signed_jpeg: bytes, make: Make
) -> None:
    report = make(entry={"scope": {"media_kinds": kinds}}).verify(signed_jpeg)
    assert report.verdict is verdict
    assert (FindingCode.KEY_OUT_OF_SCOPE in codes(report)) is (verdict is not Verdict.OFFICIAL)


def test_an_agency_that_lists_nothing_signs_nothing(signed_jpeg: bytes, make: Make) -> None:
    report = make(entry={"anchors": [], "keys": []}).verify(signed_jpeg)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED


@pytest.mark.parametrize("kind", ["path", "bytes", "stream"])
def test_a_source_of_every_kind(kind: str, signed_jpeg: bytes, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "stage.jpg"
    path.write_bytes(signed_jpeg)
    source: Any = {"path": path, "bytes": signed_jpeg, "stream": io.BytesIO(signed_jpeg)}[kind]
    report = make().verify(source)
    assert report.verdict is Verdict.OFFICIAL
    assert report.asset.name == ("stage.jpg" if kind == "path" else None)


@pytest.mark.parametrize("place", ["missing.jpg", "."])
def test_a_source_that_cannot_be_read_raises(place: str, make: Make, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        make().verify(tmp_path / place)
    with pytest.raises(SourceError):
        make().verify(media.jpeg(), sidecar=tmp_path / place)


@pytest.mark.parametrize("what", ["file", "sidecar"])
def test_something_too_large_is_an_answer(
    what: str, signed_jpeg: bytes, agency: DevAgency, agency_signer: MemorySigner
) -> None:
    beside = sidecar(media.jpeg(), JPEG, signer=agency_signer)
    limits = (
        Limits(max_asset_bytes=100)
        if what == "file"
        else Limits(max_manifest_store_bytes=len(beside) - 1)
    )
    verifier = verifier_of(directory_of(agency), limits=limits)
    report = (
        verifier.verify(signed_jpeg)
        if what == "file"
        else verifier.verify(media.jpeg(), sidecar=beside)
    )
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.LIMIT_REACHED


def test_a_store_larger_than_the_limit_does_not_look_unsigned(
    signed_jpeg: bytes, agency: DevAgency
) -> None:
    limits = Limits(max_manifest_store_bytes=1000)
    report = verifier_of(directory_of(agency), limits=limits).verify(signed_jpeg)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.LIMIT_REACHED


def test_a_file_that_changes_while_it_is_read(
    signed_jpeg: bytes, agency: DevAgency, tmp_path: Path
) -> None:
    path = tmp_path / "stage.jpg"
    path.write_bytes(signed_jpeg)

    def clock_that_lets_time_pass() -> datetime:
        return AT

    # Read in place, as large files are; somebody appends as soon as it is open.
    verifier = Verifier(
        directory=directory_of(agency),
        clock=clock_that_lets_time_pass,
        limits=Limits(copy_below_bytes=100),
    )
    assert verifier.verify(path).verdict is Verdict.OFFICIAL

    class Writer:
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.asks_for_trust = inner.asks_for_trust

        def read(self, *arguments: Any, **options: Any) -> Any:
            with path.open("ab") as file:
                file.write(b"\n")
            return self.inner.read(*arguments, **options)

    verifier._engine = Writer(verifier._engine)  # type: ignore[assignment]
    report = verifier.verify(path)
    assert report.verdict in {Verdict.UNDETERMINED, Verdict.ALTERED}
    assert report.has(FindingCode.CHANGED_WHILE_READ)


def test_one_verifier_gives_one_answer_again_and_again(signed_jpeg: bytes, make: Make) -> None:
    verifier = make()
    first = verifier.verify(signed_jpeg)
    verifier.verify(signed_jpeg[:-1])
    verifier.verify(b"")
    assert verifier.verify(signed_jpeg) == first


def test_requirements(signed_jpeg: bytes, make: Make) -> None:
    report = make().verify(signed_jpeg)
    assert report.require("official") is report
    assert report.require("signed") is report
    unsigned = make().verify(media.jpeg(), name="plain.jpg")
    with pytest.raises(RequirementNotMetError, match=r"plain\.jpg: expected signed"):
        unsigned.require("signed")
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(report)


def test_two_agencies_are_kept_apart(signed_jpeg: bytes, agency: DevAgency) -> None:
    root, _, leaf = pki.three_tier("Borealis", organization="Borealis Records")
    other = {
        "id": "borealis",
        "names": [{"language": "en", "name": "Borealis Records"}],
        "test": True,
        "anchors": [
            {
                "id": "borealis-root",
                "certificate_pem": root.pem.decode("ascii"),
                "subject": {"organization": "Borealis Records"},
            }
        ],
    }
    verifier = verifier_of(directory_of(agency, agencies=[other]))
    ours = verifier.verify(signed_jpeg)
    theirs = verifier.verify(sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf)))
    assert ours.signer.agency is not None
    assert theirs.signer.agency is not None
    assert (ours.signer.agency.id, theirs.signer.agency.id) == ("aurora-entertainment", "borealis")
    assert theirs.summary == "TEST. Official release of Borealis Records."


def test_crjson_is_the_engines(signed_jpeg: bytes, make: Make) -> None:
    document = make().crjson(signed_jpeg)
    assert document is not None
    assert make().crjson(media.jpeg()) is None
    assert make().crjson(b"") is None
    assert judging.AT == AT


def test_crjson_of_a_film_of_very_many_empty_boxes_is_refused(make: Make) -> None:
    film = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + b"\0\0\0\x08free" * 20_000
    with pytest.raises(LimitError, match="boxes beside each other"):
        make().crjson(film)


@pytest.mark.parametrize("times", [1, 2])
def test_crjson_of_a_claim_that_lists_an_assertion_more_than_once_is_not_made(
    times: int, make: Make, agency_signer: MemorySigner
) -> None:
    # The engine copies it each time, until memory ends.
    def edit(store: Store) -> None:
        store.remove_assertion("example.pad")
        first, *others = store.claim["created_assertions"]
        store.claim = {**store.claim, "created_assertions": [first] * times + others}

    pad = {"label": "example.pad", "data": {"p": "x" * 2000}}
    carrier = sign(media.jpeg(), JPEG, signer=agency_signer, assertions=[pad])
    document = make().crjson(resign(carrier, JPEG, signer=agency_signer, edit=edit))
    assert (document is None) is (times > 1)


def test_the_engines_opinion_of_the_signer_is_recorded_and_decides_nothing(
    agency: DevAgency,
) -> None:
    # The engine takes a certificate for time-stamping as a trusted claim signer.
    house = judging.house()
    data = sign_unchecked(media.jpeg(), JPEG, signer=house.signer(eku=(pki.TIME_STAMPING,)))
    directory = directory_of(agency, house.root)
    report = verifier_of(directory, policy=Policy(ask_engine_about_trust=True)).verify(data)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    (found,) = [f for f in report.findings if f.code is FindingCode.ENGINE_TRUST_DIFFERS]
    assert found.evidence == {"engine": "trusted", "own": "unrecognised"}


def test_twin_the_engine_and_we_agree(signed_jpeg: bytes, make: Make) -> None:
    report = make(policy=Policy(ask_engine_about_trust=True)).verify(signed_jpeg)
    assert report.verdict is Verdict.OFFICIAL
    assert not report.has(FindingCode.ENGINE_TRUST_DIFFERS)
