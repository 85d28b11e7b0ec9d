"""Time-stamps that an update manifest adds: what they prove, and what they do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import TimeState, Verdict
from tests.factory import media, surgery
from tests.factory.judging import House
from tests.factory.pki import Holder
from tests.factory.sign import sign
from tests.factory.stores import Store
from tests.factory.surgery import forge_timestamp, sign_unchecked
from tests.factory.updates import timestamp_update

Judge = Callable[..., Report]
JPEG = "image/jpeg"
INSIDE = datetime(2025, 2, 1, tzinfo=UTC)
LATER = datetime(2025, 2, 20, tzinfo=UTC)
END = datetime(2025, 3, 1, tzinfo=UTC)


def stamped(data: bytes, *, signer: MemorySigner, **options: object) -> bytes:
    """With an update manifest that adds a time-stamp and nothing else."""

    def status_only(store: Store) -> None:
        store.remove_assertion("c2pa.actions.v2")

    later = timestamp_update(data, JPEG, signer=signer, **options)  # type: ignore[arg-type]
    return surgery.resign(later, JPEG, signer=signer, edit=status_only)


@pytest.fixture(scope="module")
def expired(house: House) -> MemorySigner:
    """A signer of the agency whose certificate ended on 1 March 2025."""
    return house.signer("Past", not_after=END)


@pytest.fixture(scope="module")
def dead(expired: MemorySigner) -> bytes:
    return sign_unchecked(media.jpeg(), JPEG, signer=expired)


def test_a_stamp_added_in_time_keeps_a_release_official(
    dead: bytes, agency_signer: MemorySigner, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    data = stamped(dead, signer=agency_signer, tsa=meridian[1], gen_time=INSIDE)
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert report.time.state is TimeState.TRUSTED
    assert report.time.trusted_at == INSIDE


def test_a_stranger_may_bring_the_stamp_which_proves_itself(
    dead: bytes, stranger: MemorySigner, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    data = stamped(dead, signer=stranger, tsa=meridian[1], gen_time=INSIDE)
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert not report.has(FindingCode.UPDATED_BY_OTHERS)


def test_a_home_made_stamp_revives_nothing(
    dead: bytes, agency_signer: MemorySigner, judge: Judge, home_made: Holder
) -> None:
    data = stamped(dead, signer=agency_signer, tsa=home_made, gen_time=INSIDE)
    report = judge(data)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_EXPIRED
    assert report.has(FindingCode.TIME_STAMP_UNTRUSTED)
    assert report.time.trusted_at is None


def test_without_a_stamp_the_expired_release_stays_undetermined(dead: bytes, judge: Judge) -> None:
    report = judge(dead)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_EXPIRED


def test_a_stamp_for_another_signature_is_named_and_unused(
    dead: bytes, agency_signer: MemorySigner, judge: Judge, meridian: tuple[Holder, Holder]
) -> None:
    data = stamped(dead, signer=agency_signer, tsa=meridian[1], gen_time=INSIDE, stamped=b"other")
    report = judge(data)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.has(FindingCode.TIME_STAMP_INVALID)


@pytest.mark.parametrize(("first", "second"), [(INSIDE, LATER), (LATER, INSIDE)])
def test_of_competing_trusted_stamps_the_earliest_counts(
    first: datetime,
    second: datetime,
    agency_signer: MemorySigner,
    judge: Judge,
    meridian: tuple[Holder, Holder],
) -> None:
    # Each proves that the signature existed by then, so the earlier says more.
    data = sign(media.jpeg(), JPEG, signer=agency_signer)
    data = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=first)
    data = stamped(data, signer=agency_signer, tsa=meridian[1], gen_time=second)
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert report.time.trusted_at == INSIDE
    assert [f.code for f in report.findings].count(FindingCode.TIME_TRUSTED) == 2
