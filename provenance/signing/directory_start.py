"""The beginning of a directory: its working folder, its keys, the first root to be signed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

# A documented name, which the package imports without saying so.
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata

from provenance.errors import DirectoryError
from provenance.signing.directory_changes import document_bytes
from provenance.signing.directory_folder import ROLES, Account, KeeperSettings, journal_line, utc
from provenance.signing.directory_keys import Passphrases, write_new_key
from provenance.signing.directory_roots import RootChange, RootProposal, build_root
from provenance.trust.directory import parse_directory

__all__ = ["DEFAULT_PLAN", "RolePlan", "create_working_folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlan:
    """How one role signs.

    Attributes:
        threshold: How many keys have to sign.
        keys: How many there are.
        days: How long what they sign is good.
    """

    threshold: int
    keys: int
    days: int


DEFAULT_PLAN: Mapping[str, RolePlan] = {
    "root": RolePlan(threshold=2, keys=3, days=365),
    # Two, so that one stolen key adds no agency.
    "targets": RolePlan(threshold=2, keys=2, days=90),
    "snapshot": RolePlan(threshold=1, keys=1, days=14),
    "timestamp": RolePlan(threshold=1, keys=1, days=14),
}


def create_working_folder(
    path: Path,
    *,
    name: str,
    test: bool,
    plan: Mapping[str, RolePlan],
    holders: Sequence[SSlibKey],
    passphrases: Passphrases,
    unsafe_plain: bool,
    account: Account,
) -> RootProposal:
    """Make the folder in which a directory is kept, with keys, an empty draft and a proposed root.

    Args:
        path: A folder that does not exist yet or is empty.
        name: Of the directory.
        test: For trials: whatever is judged by it says TEST.
        plan: By role, how it signs.
        holders: Public root keys. Without any, they are made here, to be handed out.
        passphrases: Of the keys that are made here.
        unsafe_plain: Permit keys without a passphrase.
        account: Who answers for it, and where the record of the ceremony is.

    Raises:
        DirectoryError: The folder holds something or cannot be written, the plan asks for
            more keys than there are, or a passphrase is missing.
    """
    now = utc(account.at)
    if holders and len(holders) != plan["root"].keys:
        raise DirectoryError(
            f"root: expected the public keys of {plan['root'].keys} holders, got {len(holders)}"
        )
    document = {
        "schema_version": "1",
        "name": name,
        "version": 1,
        "issued_at": now.isoformat(),
        "test": test,
        "agencies": [],
    }
    draft = parse_directory(json.dumps(document).encode("ascii"), where="not made", source="draft")
    data = document_bytes(draft.document)
    try:
        settings = KeeperSettings(days={role: plan[role].days for role in ROLES})
    except ValidationError as error:
        raise DirectoryError(
            "not made: expected every role's metadata to last 1 to 3650 days"
        ) from error
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.absolute().parent))
        try:
            for made in ("keys", "samples", "repository/metadata", "repository/targets"):
                (staging / made).mkdir(parents=True)
            (staging / "keys").chmod(0o700)
            added: dict[str, list[SSlibKey]] = {"root": list(holders)}
            for role in ROLES:
                for number in range(1, plan[role].keys + 1 if not added.get(role) else 1):
                    key = f"{role}-{number}"
                    public = write_new_key(
                        staging / "keys",
                        key,
                        passphrase=passphrases(key),
                        unsafe_plain=unsafe_plain,
                    )
                    added.setdefault(role, []).append(public)
            thresholds = {role: plan[role].threshold for role in ROLES}
            root = build_root(
                None,
                RootChange(add=added, thresholds=thresholds),
                expires=now + timedelta(days=plan["root"].days),
            )
            proposal = RootProposal(metadata=Metadata(root), previous=None)
            entry = account.entry(
                "init",
                "; ".join([f"directory {name!r} begins", *proposal.in_words()]),
                draft_sha256=hashlib.sha256(data).hexdigest(),
            )
            _write_all(
                staging,
                {
                    "draft.json": data,
                    "keeper.json": settings.model_dump_json(indent=2).encode() + b"\n",
                    "journal.jsonl": journal_line(entry),
                    "proposed-root.json": proposal.metadata.to_bytes(),
                },
            )
            staging.chmod(0o755)
            # POSIX: replaces an empty folder, fails on one that holds something.
            staging.rename(path)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        raise DirectoryError(
            f"{path}: expected a new or empty folder that can be written: "
            f"{(error.strerror or str(error)).lower()}"
        ) from error
    return proposal


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        with (folder / name).open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
