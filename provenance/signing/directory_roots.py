"""Roots of a directory: proposing one, and collecting the signatures of those who hold its keys.

A proposal is a file. It can be carried to a machine that is on no network, signed
there, and carried back. Nothing trusts it before enough holders have signed.

Spec: The Update Framework 1.0.31 §5.3 (a new root is signed by the keys of the old one too).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from securesystemslib.exceptions import UnverifiedSignatureError

# Documented names, which the package imports without saying so.
from securesystemslib.signer import CryptoSigner, Key, SSlibKey  # type: ignore[attr-defined]

# The documented names of the payload classes, which the module imports without saying so.
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    Root,
)

from provenance.errors import DirectoryError
from provenance.signing.directory_folder import ROLES, Account, WorkingFolder, utc
from provenance.signing.repository_files import RepositoryFiles
from provenance.trust.directory_files import read_bounded
from provenance.trust.signed_directory import MAX_ROOT_BYTES, parse_metadata

__all__ = [
    "RootChange",
    "RootProposal",
    "activate_root",
    "build_root",
    "collect_root_signatures",
    "load_proposal",
    "parse_root",
    "propose_root",
    "sign_proposal",
]

_ONLINE = ("targets", "snapshot", "timestamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChange:
    """What a new root does differently.

    Attributes:
        add: Keys by role.
        remove: Key ids by role.
        thresholds: How many keys of a role have to sign, where that changes.
    """

    add: Mapping[str, Sequence[SSlibKey]] = field(default_factory=dict)
    remove: Mapping[str, Sequence[str]] = field(default_factory=dict)
    thresholds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootProposal:
    """A root that waits for signatures.

    Attributes:
        metadata: The root, with the signatures it has.
        previous: The root in force; None before the first.
    """

    metadata: Metadata[Root]
    previous: Root | None

    @property
    def missing(self) -> int:
        """How many signatures does it need at least?"""
        result = self.metadata.signed.get_root_verification_result(
            self.previous, self.metadata.signed_bytes, self.metadata.signatures
        )
        return max(result.first.missing, result.second.missing)

    @property
    def waits_for_publish(self) -> bool:
        """Does it change what the directory itself is signed with?

        Then it takes effect with the next version, which both roots accept; alone it
        would leave clients with signatures that the new root does not know.
        """
        if self.previous is None:
            return False
        return any(self.previous.roles[r] != self.metadata.signed.roles[r] for r in _ONLINE)

    def in_words(self) -> list[str]:
        """What does somebody put their name to who signs it? One line for each fact."""
        root = self.metadata.signed
        lines = [f"root version {root.version}, good until {root.expires.isoformat()}"]
        for name in ROLES:
            role = root.roles[name]
            ids = ", ".join(f"{keyid[:16]}..." for keyid in role.keyids)
            lines.append(f"{name}: {role.threshold} of {len(role.keyids)} keys: {ids}")
        signed = ", ".join(f"{keyid[:16]}..." for keyid in self.metadata.signatures) or "nobody yet"
        lines.append(f"signed by {signed}; {self.missing} more needed")
        return lines


def build_root(previous: Root | None, change: RootChange, *, expires: datetime) -> Root:
    """Which root follows, with this change?

    Raises:
        DirectoryError: A role would have too few keys, or one key would count twice.
    """
    root = Root(expires=expires, consistent_snapshot=True)
    if previous is not None:
        root = Root.from_dict(previous.to_dict())
        root.version += 1
        root.expires = expires
    for role, ids in change.remove.items():
        for keyid in ids:
            full = [known for known in root.roles[role].keyids if known.startswith(keyid)]
            if len(full) != 1:
                raise DirectoryError(f"{role}: key {keyid}: expected one such key, got {len(full)}")
            root.revoke_key(full[0], role)
    for role, keys in change.add.items():
        for key in keys:
            root.add_key(key, role)
    for role, threshold in change.thresholds.items():
        root.roles[role].threshold = threshold
    _refuse_weak(root)
    return root


def _refuse_weak(root: Root) -> None:
    owners: dict[str, str] = {}
    for name in ROLES:
        role = root.roles[name]
        if not 1 <= role.threshold <= len(role.keyids):
            raise DirectoryError(
                f"{name}: expected at least {role.threshold} keys, got {len(role.keyids)}"
            )
        for keyid in role.keyids:
            # By the key, not by its id: otherwise one stolen key could count as two.
            public = str(root.keys[keyid].keyval["public"])
            if public in owners:
                raise DirectoryError(
                    f"{name}: expected a key of its own, got one that is also for {owners[public]}"
                )
            owners[public] = name


def propose_root(folder: WorkingFolder, change: RootChange, *, account: Account) -> RootProposal:
    """Put forward a root with this change, which nobody has signed yet.

    An earlier proposal is dropped. Without any change, only its end moves.

    Raises:
        DirectoryError: There is no root yet, or the change cannot be made.
    """
    with folder.locked():
        roots = RepositoryFiles(folder.repository).roots()
        if roots is None:
            raise DirectoryError(f"{folder.path}: its first root has not been signed yet")
        expires = utc(account.at) + timedelta(days=folder.settings.lasts("root"))
        root = build_root(roots.current, change, expires=expires)
        proposal = RootProposal(metadata=Metadata(root), previous=roots.current)
        what = "; ".join(proposal.in_words())
        folder.note(account.entry("propose-root", what))
        folder.write(folder.proposal, proposal.metadata.to_bytes())
    return proposal


def load_proposal(folder: WorkingFolder, previous: Root | None) -> RootProposal | None:
    """Which root waits for signatures? None where none does.

    Raises:
        DirectoryError: The file is no root, or not the one that comes next.
    """
    if not folder.proposal.exists():
        return None
    data = read_bounded(folder.proposal, MAX_ROOT_BYTES)
    metadata = parse_root(data, where=str(folder.proposal))
    expected = 1 if previous is None else previous.version + 1
    if metadata.signed.version == expected - 1 and previous is not None:
        # It took effect, and a crash kept the file from being removed.
        return None
    if metadata.signed.version != expected:
        raise DirectoryError(
            f"{folder.proposal}: expected root version {expected}, got {metadata.signed.version}"
        )
    return RootProposal(metadata=metadata, previous=previous)


def parse_root(data: bytes, *, where: str) -> Metadata[Root]:
    """Which root, with which signatures, is in these bytes?

    Raises:
        DirectoryError: It is no root metadata.
    """
    metadata: Metadata[Root] = parse_metadata(Root, data, where=where)
    return metadata


def sign_proposal(metadata: Metadata[Root], signer: CryptoSigner) -> None:
    """Add one holder's signature.

    Whether the key is asked for is looked at when signatures are collected: the
    machine of a holder may not have the root in force.
    """
    metadata.sign(signer, append=True)


def collect_root_signatures(
    folder: WorkingFolder, signed: Metadata[Root] | CryptoSigner, *, account: Account
) -> RootProposal:
    """Take signatures over the proposal, and let it take effect where there are enough.

    Args:
        folder: Where the proposal is.
        signed: The proposal as somebody signed it elsewhere, or a key to sign it with here.
        account: Who answers for it.

    Raises:
        DirectoryError: There is no proposal, another one was signed, or a signature is
            bad or by a key that nobody asks for.
    """
    with folder.locked():
        files = RepositoryFiles(folder.repository)
        roots = files.roots()
        previous = None if roots is None else roots.current
        proposal = load_proposal(folder, previous)
        if proposal is None:
            raise DirectoryError(f"{folder.path}: no root waits for signatures")
        metadata = proposal.metadata
        if isinstance(signed, CryptoSigner):
            _holder(proposal, signed.public_key.keyid)
            sign_proposal(metadata, signed)
            gained = [signed.public_key.keyid]
        else:
            gained = _merge(proposal, signed)
        what = (
            f"root version {metadata.signed.version} signed by {', '.join(gained) or 'nobody new'}"
        )
        folder.note(account.entry("sign-root", what))
        folder.write(folder.proposal, metadata.to_bytes())
        if not proposal.missing and not proposal.waits_for_publish:
            activate_root(folder, files, proposal)
    return proposal


def activate_root(folder: WorkingFolder, files: RepositoryFiles, proposal: RootProposal) -> None:
    """Let a root take effect that enough holders have signed; only inside `locked`."""
    path = files.metadata / f"{proposal.metadata.signed.version}.root.json"
    folder.write(path, proposal.metadata.to_bytes())
    folder.proposal.unlink(missing_ok=True)


def _merge(proposal: RootProposal, signed: Metadata[Root]) -> list[str]:
    own = proposal.metadata
    if signed.signed_bytes != own.signed_bytes:
        raise DirectoryError("signatures: they are for another root than the one proposed")
    gained = []
    for keyid, signature in signed.signatures.items():
        if keyid in own.signatures:
            continue
        key = _holder(proposal, keyid)
        try:
            key.verify_signature(signature, own.signed_bytes)
        except UnverifiedSignatureError as error:
            raise DirectoryError(f"signatures: the one by {keyid[:16]}... does not fit") from error
        own.signatures[keyid] = signature
        gained.append(keyid)
    return gained


def _holder(proposal: RootProposal, keyid: str) -> Key:
    for root in (proposal.metadata.signed, proposal.previous):
        if root is not None and keyid in root.roles["root"].keyids:
            return root.keys[keyid]
    raise DirectoryError(f"key {keyid[:16]}...: is not one that this root asks for")
