"""What does a bundle prove, by the policy and the directory of whoever asks?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NoReturn

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.bundle import Bundle, ReadBundle
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.leaf import Leaf, parse_leaf
from provenance.registry.log.policy import CheckedCheckpoint, Policy
from provenance.registry.log.proof import check_inclusion, parse_inclusion_proof
from provenance.registry.log.statement import Embargo, Reveal, files_of, opens
from provenance.trust.timestamps import TimeStampChecker, TimeStampState

__all__ = ["BundleCheck", "BundleReport", "CheckState", "check_bundle"]


class CheckState(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """One check.

    Attributes:
        name: `inclusion`, `agency-signature`, `agency-key`, `embargo`, `asset`, `manifest`
            or `time`.
        state: What became of it.
        text: What it showed, or why it did not.
    """

    name: str
    state: CheckState
    text: str


# Without these a bundle shows nothing.
_NEEDED = frozenset({"inclusion", "agency-signature", "agency-key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What a bundle proves.

    It cannot show what was stated after its checkpoint: whether the release has been
    withdrawn since, only the log itself tells.

    Attributes:
        checks: One for each question, in a fixed order.
        leaf: The entry, where it could be read.
        index: Its number.
        checkpoint: The checkpoint, where it counts.
    """

    checks: tuple[BundleCheck, ...]
    leaf: Leaf | None = None
    index: int | None = None
    checkpoint: CheckedCheckpoint | None = None

    @property
    def is_refuted(self) -> bool:
        """Did a check fail?"""
        return any(check.state is CheckState.FAILED for check in self.checks)

    @property
    def is_proven(self) -> bool:
        """Did none fail, and every one run without which it proves nothing?"""
        passed = {check.name for check in self.checks if check.state is CheckState.PASSED}
        return not self.is_refuted and passed >= _NEEDED

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is neither true nor false: look at its checks")


def check_bundle(
    read: ReadBundle,
    policy: Policy,
    agencies: AgencyChecker,
    *,
    time_stamps: TimeStampChecker | None = None,
    asset_sha256: str | None = None,
    where: str,
) -> BundleReport:
    """What does this bundle prove?

    The policy in the bundle is not looked at: whoever made the bundle chose it.

    Args:
        read: The bundle.
        policy: Whom the one who asks believes about logs.
        agencies: Whose keys count; without a directory, whose key it is stays open.
        time_stamps: Whose time-stamps count.
        asset_sha256: Digest of a file beside the bundle that it is to be about.
        where: What messages call the bundle.
    """
    bundle = read.bundle
    try:
        leaf = parse_leaf(bundle.entry, where=f"{where}: entry.json")
        proof = parse_inclusion_proof(bundle.proof, where=f"{where}: entry.tlog-proof")
    except (MalformedError, LimitError) as error:
        failed = BundleCheck(name="inclusion", state=CheckState.FAILED, text=str(error))
        return BundleReport(checks=(failed,))
    checked: CheckedCheckpoint | None = None
    try:
        checked = check_inclusion(proof, bundle.entry, policy, where=f"{where}: entry.tlog-proof")
    except (MalformedError, LimitError, LogProofError) as error:
        inclusion = _failed("inclusion", str(error))
    else:
        inclusion = _passed("inclusion", f"is entry {proof.index} of {checked.checkpoint}")
    checks = [inclusion, *_agency(leaf, agencies)]
    revealed = (proof.index, checked)
    checks += _embargo(leaf, bundle, policy, agencies, revealed=revealed, where=where)
    checks += _asset(leaf, read, asset_sha256)
    checks += _time(bundle, checked, time_stamps)
    return BundleReport(checks=tuple(checks), leaf=leaf, index=proof.index, checkpoint=checked)


def _agency(leaf: Leaf, agencies: AgencyChecker) -> Iterator[BundleCheck]:
    answer = agencies.check(leaf)
    agency = leaf.statement.agency
    if answer.state is EntryState.SIGNATURE:
        yield _failed("agency-signature", answer.why)
        yield _not_checked("agency-key", "the signature does not verify")
        return
    yield _passed("agency-signature", "is over this statement, by the key in the entry")
    if answer.state is EntryState.AGENCY:
        yield _passed("agency-key", f"is one that the directory lists for {agency}")
    elif answer.state is EntryState.KEY:
        yield _failed("agency-key", answer.why)
    else:
        yield _not_checked("agency-key", answer.why)


def _embargo(
    leaf: Leaf,
    bundle: Bundle,
    policy: Policy,
    agencies: AgencyChecker,
    *,
    revealed: tuple[int, CheckedCheckpoint | None],
    where: str,
) -> Iterator[BundleCheck]:
    """Was what is revealed committed to before, by its agency, in the same log?"""
    statement = leaf.statement
    if not isinstance(statement, Reveal):
        if bundle.embargo is not None:
            yield _failed("embargo", "the entry reveals nothing, and the bundle has an embargo")
        return
    if bundle.embargo is None:
        yield _not_checked("embargo", f"the bundle does not hold entry {statement.entry}")
        return
    record, encoded = bundle.embargo
    try:
        earlier = parse_leaf(record, where=f"{where}: embargo.json")
        proof = parse_inclusion_proof(encoded, where=f"{where}: embargo.tlog-proof")
        checked = check_inclusion(proof, record, policy, where=f"{where}: embargo.tlog-proof")
    except (MalformedError, LimitError, LogProofError) as error:
        yield _failed("embargo", str(error))
        return
    if (
        not isinstance(earlier.statement, Embargo)
        or not opens(statement, earlier.statement)
        or proof.index != statement.entry
    ):
        yield _failed("embargo", f"entry {proof.index} is not the embargo on what is revealed")
        return
    index, own = revealed
    origin = checked.checkpoint.origin
    # Of two logs that a policy believes, one says nothing about what the other took first.
    if own is not None and (own.checkpoint.origin != origin or proof.index >= index):
        yield _failed(
            "embargo",
            f"entry {proof.index} of {origin} does not come before entry {index} of "
            f"{own.checkpoint.origin}, which reveals it",
        )
        return
    # The log's keeper can put in what he likes, under any agency's name.
    answer = agencies.check(earlier)
    if answer.state not in {EntryState.AGENCY, EntryState.NOT_CHECKED}:
        yield _failed("embargo", f"entry {proof.index}: {answer.why}")
        return
    yield _passed(
        "embargo",
        f"was committed to in entry {proof.index} of {origin}, "
        f"which the log took at {_zulu(earlier.logged_at)}",
    )


def _asset(leaf: Leaf, read: ReadBundle, beside: str | None) -> Iterator[BundleCheck]:
    files = files_of(leaf.statement)
    by_digest = {file.sha256: file for file in files}
    found = None
    if read.asset_sha256 is not None and beside not in {None, read.asset_sha256}:
        yield _failed("asset", f"the file beside it, {beside}, is not the one in it")
        return
    given = [("asset", read.asset_sha256), ("file beside it", beside)]
    for what, digest in given:
        if digest is None:
            continue
        if digest not in by_digest:
            yield _failed("asset", f"{what}: its SHA-256 {digest} is not in the entry")
            return
        found = by_digest[digest]
    if found is None:
        listed = ", ".join(by_digest) or "none"
        yield _not_checked("asset", f"no file was given; the entry is about {listed}")
    else:
        yield _passed("asset", f"has the SHA-256 {found.sha256} of the entry")
    if read.bundle.manifest is None:
        return
    digest = sha256(read.bundle.manifest).hexdigest()
    candidates = files if found is None else (found,)
    if any(file.manifest_sha256 == digest for file in candidates):
        yield _passed("manifest", f"the manifest store has the SHA-256 {digest} of the entry")
    else:
        yield _failed("manifest", f"the SHA-256 {digest} of the manifest store is not in the entry")


def _time(
    bundle: Bundle, checked: CheckedCheckpoint | None, time_stamps: TimeStampChecker | None
) -> Iterator[BundleCheck]:
    if checked is None:
        return
    for name, at in checked.witnesses.items():
        yield _passed("time", f"witness {name} signed the checkpoint at {_zulu(at)}")
    if bundle.time_stamp is None:
        return
    if time_stamps is None:
        yield _not_checked("time", "no list of time-stamp authorities was given")
        return
    answer = time_stamps.check(bundle.time_stamp, checked.checkpoint.text)
    if answer.state is TimeStampState.TRUSTED and answer.at is not None:
        yield _passed("time", f"{answer.trust_list}: the checkpoint existed at {_zulu(answer.at)}")
    elif answer.state is TimeStampState.INVALID:
        yield _failed("time", f"time-stamp: {answer.why}")
    else:
        yield _not_checked("time", f"time-stamp: {answer.why}")


def _passed(name: str, text: str) -> BundleCheck:
    return BundleCheck(name=name, state=CheckState.PASSED, text=text)


def _failed(name: str, text: str) -> BundleCheck:
    return BundleCheck(name=name, state=CheckState.FAILED, text=text)


def _not_checked(name: str, text: str) -> BundleCheck:
    return BundleCheck(name=name, state=CheckState.NOT_CHECKED, text=text)


def _zulu(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
