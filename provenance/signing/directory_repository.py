"""Publishing an agency directory: the keepers' side of its TUF repository.

The ceremony, in short:

1.  Three people each make a key on a machine of their own (`directory new-key`) and
    bring its public half. `directory init` makes the working folder: a root that asks
    for two of the three, separate keys for targets (two of two), snapshot and
    timestamp, an empty draft, a journal.
2.  Two of them sign that root (`directory sign-root`). It is what clients pin; they
    get it, or its SHA-256, by another way than the directory itself. The root keys go
    back into their safes.
3.  An agency is taken in (`add-agency`, `add-key` or `add-anchor`, `add-sample`): who
    checked what goes into the journal with the change.
4.  `publish` judges every sample by the draft, and refuses where one comes back
    otherwise than it is known to be. Then both keepers of targets keys sign.
5.  `renew` extends what a client may still rely on, with the online keys alone. They
    can change nothing in the directory.

A key of an agency that was stolen: `set-compromised`, `publish`. A stolen online key:
`propose-root` with another in its place, two holders sign, `publish`. A stolen root
key: the same, while two honest ones are left.

Spec: The Update Framework 1.0.31.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# A documented name, which the package imports without saying so.
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from provenance.errors import DirectoryError
from provenance.signing.directory_changes import document_bytes
from provenance.signing.directory_folder import Account, WorkingFolder, utc
from provenance.signing.directory_roots import RootProposal, load_proposal
from provenance.signing.directory_samples import check_samples
from provenance.signing.directory_versions import SigningRound
from provenance.signing.repository_files import RepositoryFiles, Roots
from provenance.trust.directory import LoadedDirectory, parse_directory
from provenance.trust.directory_diff import Change, ChangeKind, compare_directories
from provenance.trust.lists import TrustList

__all__ = ["Published", "publish", "renew", "roll_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication came to.

    Attributes:
        directory: As a client gets it now.
        changes: Against the version before.
        notes: Agencies whose samples were not judged in full.
    """

    directory: LoadedDirectory
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def publish(
    folder: WorkingFolder,
    signers: Sequence[CryptoSigner],
    *,
    account: Account,
    time_stamp_lists: Sequence[TrustList] = (),
    trust_lists: Sequence[TrustList] = (),
) -> Published:
    """Make the draft the directory that clients get, if it judges its samples as it should.

    Whenever it is interrupted, clients get the version before or this one, whole. A
    root that changes the online keys, and that enough holders have signed, takes
    effect with it.

    Args:
        folder: Where the draft is.
        signers: Keys for targets, snapshot and timestamp; others are ignored.
        account: Who answers for it, and what was looked at.
        time_stamp_lists: Vouch for the time-stamps of samples.
        trust_lists: Vouch for products under whose claims a sample carries an identity.

    Raises:
        DirectoryError: A sample comes back otherwise, the draft is not recorded, or too
            few keys signed. Clients still get the version before.
    """
    now = utc(account.at)
    with folder.locked():
        draft = folder.check_draft_is_recorded()
        files = RepositoryFiles(folder.repository)
        roots = _roots_in_force(folder, files)
        pending = _complete(load_proposal(folder, roots.current))
        before = _current(files, roots, now)
        version = files.next_version("targets")
        lasts = timedelta(days=folder.settings.lasts("targets"))
        document = draft.document.model_copy(
            update={"version": version, "issued_at": now, "expires_at": now + lasts}
        )
        data = document_bytes(document)
        loaded = parse_directory(data, where=str(folder.draft), source="draft")
        notes = check_samples(
            loaded,
            folder.samples,
            at=now,
            time_stamp_lists=time_stamp_lists,
            trust_lists=trust_lists,
        )
        signing = SigningRound(folder, roots, pending, signers, now=now)
        copy = signing.everything(version, data)
        result = signing.check(copy)
        told = f"version {version}, SHA-256 {loaded.sha256}"
        folder.note(account.entry("publish-started", told))
        signing.store(copy)
        changes = compare_directories(
            before.document if before else document.model_copy(update={"agencies": ()}), document
        )
        what = "; ".join([told, *notes, *(change.text for change in changes)])
        folder.note(account.entry("publish", what))
    return Published(directory=result, changes=changes, notes=notes)


def renew(
    folder: WorkingFolder, signers: Sequence[CryptoSigner], *, account: Account
) -> LoadedDirectory:
    """Vouch again for the version that is published, with the online keys alone.

    Raises:
        DirectoryError: Nothing is published, its targets metadata or the root has
            expired, or too few keys signed.
    """
    now = utc(account.at)
    with folder.locked():
        files = RepositoryFiles(folder.repository)
        roots = _roots_in_force(folder, files)
        before = _current(files, roots, now)
        copy = files.copy(roots)
        if before is None or copy is None:
            raise DirectoryError(f"{folder.path}: nothing has been published here")
        signing = SigningRound(folder, roots, None, signers, now=now)
        renewed = signing.online(copy.targets, copy.directory, before.document.version)
        result = signing.check(renewed)
        signing.store(renewed)
        folder.note(
            account.entry(
                "renew",
                f"version {before.document.version} again, fresh until {result.fresh_until}",
            )
        )
    return result


def roll_back(
    folder: WorkingFolder,
    version: int,
    *,
    account: Account,
    restore_disowned: bool = False,
) -> tuple[Change, ...]:
    """Make the content of an earlier version the draft; `publish` gives it a new number.

    Args:
        folder: Where the versions are.
        version: The number of the earlier one.
        account: Who answers for it, and why.
        restore_disowned: Permit that a key which was disowned since counts again.

    Returns:
        What the draft changes against the version that is published.

    Raises:
        DirectoryError: There is no such version, or a disowned key would count again.
    """
    with folder.locked():
        files = RepositoryFiles(folder.repository)
        roots = _roots_in_force(folder, files)
        current = _current(files, roots, utc(account.at))
        if current is None:
            raise DirectoryError(f"{folder.path}: nothing has been published here")
        _, data = files.version(version)
        where = str(files.metadata / f"{version}.targets.json")
        old = parse_directory(data, where=where, source="earlier version").document
        changes = compare_directories(current.document, old)
        restored = [change.text for change in changes if change.kind is ChangeKind.RESTORED]
        if restored and not restore_disowned:
            raise DirectoryError(
                f"version {version}: would bring back what was disowned since "
                f"(--restore-disowned permits it): {'; '.join(restored)}"
            )
        draft = folder.load_draft().document
        content = document_bytes(
            old.model_copy(update={"version": draft.version, "issued_at": draft.issued_at})
        )
        what = f"the draft gets the content of version {version}"
        folder.note(
            account.entry(
                "rollback",
                "; ".join([what, *(change.text for change in changes)]),
                draft_sha256=hashlib.sha256(content).hexdigest(),
            )
        )
        folder.write(folder.draft, content)
    return changes


def _roots_in_force(folder: WorkingFolder, files: RepositoryFiles) -> Roots:
    roots = files.roots()
    if roots is None:
        proposal = load_proposal(folder, None)
        more = f"; it needs {proposal.missing} more signatures" if proposal else ""
        raise DirectoryError(f"{folder.path}: its first root has not been signed yet{more}")
    return roots


def _complete(proposal: RootProposal | None) -> RootProposal | None:
    return proposal if proposal is not None and not proposal.missing else None


def _current(files: RepositoryFiles, roots: Roots, now: datetime) -> LoadedDirectory | None:
    copy = files.copy(roots)
    if copy is None:
        return None
    # By its digest alone: a crash while a root took effect must not keep the next
    # version, which is checked in full, from being published.
    loaded = parse_directory(copy.directory, where=str(files.targets), source="published")
    if now < loaded.document.issued_at:
        raise DirectoryError(
            f"{files.path}: version {loaded.document.version} was issued at "
            f"{loaded.document.issued_at.isoformat()}, which is after {now.isoformat()}: "
            "is the clock right?"
        )
    return loaded
