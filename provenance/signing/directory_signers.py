"""Which of the keys in a working folder sign the next version?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

# A documented name, which the package imports without saying so.
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from provenance.errors import DirectoryError
from provenance.signing.directory_folder import WorkingFolder
from provenance.signing.directory_keys import Passphrases, load_public_key, load_signer
from provenance.signing.directory_roots import load_proposal
from provenance.signing.repository_files import RepositoryFiles

__all__ = ["load_online_signers"]


def load_online_signers(
    folder: WorkingFolder,
    roles: Collection[str],
    *,
    others: Sequence[Path],
    passphrases: Passphrases,
) -> list[CryptoSigner]:
    """Open the keys that the root in force, or a proposed one, asks for in these roles.

    Args:
        folder: Its `keys` are looked through; a passphrase is asked for no other key.
        roles: Of targets, snapshot, timestamp.
        others: Key files that are kept elsewhere.
        passphrases: Asked for each encrypted key.

    Raises:
        DirectoryError: There is no root yet, or a key cannot be opened.
    """
    roots = RepositoryFiles(folder.repository).roots()
    if roots is None:
        proposal = load_proposal(folder, None)
        more = f"; it needs {proposal.missing} more signatures" if proposal else ""
        raise DirectoryError(f"{folder.path}: its first root has not been signed yet{more}")
    asking = [roots.current]
    proposal = load_proposal(folder, roots.current)
    if proposal is not None:
        asking.append(proposal.metadata.signed)
    asked = {keyid for root in asking for role in roles for keyid in root.roles[role].keyids}
    signers = []
    for public in sorted(folder.keys.glob("*.pub.pem")):
        private = public.with_name(f"{public.name.removesuffix('.pub.pem')}.pem")
        if load_public_key(public).keyid in asked and private.exists():
            signers.append(load_signer(private, passphrases))
    signers += [load_signer(path, passphrases) for path in others]
    return signers
