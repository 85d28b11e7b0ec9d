"""Changes of a draft and its samples, each with its line in the journal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from provenance.errors import DirectoryError
from provenance.signing.directory_draft import Document
from provenance.signing.directory_folder import Account, WorkingFolder
from provenance.trust.directory import Directory, parse_directory
from provenance.trust.directory_files import read_bounded

__all__ = ["add_sample", "change_draft", "document_bytes", "replace_draft"]

_MAX_SAMPLE_BYTES = 512 * 1024 * 1024
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")


def change_draft(
    folder: WorkingFolder,
    edit: Callable[[Document], str],
    *,
    action: str,
    account: Account,
) -> str:
    """Change the draft, and say in words how.

    Args:
        folder: Where it is kept.
        edit: Changes the JSON, and says what it did.
        action: Which command asked for it.
        account: Who answers for it.

    Raises:
        DirectoryError: The edit cannot be made, or what comes out is no directory;
            nothing was changed.
    """
    with folder.locked():
        before = folder.check_draft_is_recorded()
        document = before.document.model_dump(mode="json")
        what = edit(document)
        _store(folder, document, account, action, what)
    return what


def replace_draft(folder: WorkingFolder, data: bytes, *, where: str, account: Account) -> None:
    """Put a document made by hand in the place of the draft.

    Raises:
        DirectoryError: It is no directory; nothing was changed.
    """
    given = parse_directory(data, where=where, source="given").document
    with folder.locked():
        document = given.model_dump(mode="json")
        what = f"the draft is replaced by {where}"
        _store(folder, document, account, "edit", what)


def add_sample(
    folder: WorkingFolder,
    agency_id: str,
    kind: Literal["good", "bad"],
    source: Path,
    *,
    replace: bool,
    account: Account,
) -> Path:
    """Keep a copy of a file that has to come back official, or must not.

    Args:
        folder: Where it is kept.
        agency_id: For which agency.
        kind: What it has to come back as.
        source: The file.
        replace: Forget the earlier ones of this kind.
        account: Who answers for it, and where the file comes from.

    Raises:
        DirectoryError: The agency is not in the draft, or the file cannot be read or kept.
    """
    with folder.locked():
        if agency_id not in {a.id for a in folder.load_draft().document.agencies}:
            raise DirectoryError(f"agency {agency_id}: is not in the draft")
        data = read_bounded(source, _MAX_SAMPLE_BYTES)
        own = folder.samples / agency_id
        suffix = source.suffix.lower() if _SUFFIX.fullmatch(source.suffix) else ".bin"
        try:
            own.mkdir(parents=True, exist_ok=True)
            known = sorted([*own.glob(f"{kind}.*"), *own.glob(f"{kind}-*.*")])
            taken = set() if replace else {path.stem for path in known}
            name = next(n for n in _sample_names(kind) if n not in taken)
            path = own / f"{name}{suffix}"
            what = f"agency {agency_id}: known-{kind} sample {path.name}, SHA-256 {_digest(data)}"
            folder.note(account.entry("add-sample", what))
            folder.write(path, data)
            for earlier in known if replace else ():
                if earlier != path:
                    earlier.unlink()
        except OSError as error:
            raise DirectoryError(
                f"{own}: cannot be written: {(error.strerror or str(error)).lower()}"
            ) from error
    return path


def document_bytes(document: Directory) -> bytes:
    """How is a directory written? The same bytes for the same directory."""
    content = document.model_dump(mode="json")
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def _store(
    folder: WorkingFolder, document: Document, account: Account, action: str, what: str
) -> None:
    # ASCII first: text that is no Unicode then fails as a value, not as an encoding.
    candidate = parse_directory(
        json.dumps(document).encode("ascii"), where="not changed", source="draft"
    )
    data = document_bytes(candidate.document)
    folder.note(account.entry(action, what, draft_sha256=_digest(data)))
    # After the journal: a crash in between leaves a draft that `publish` refuses,
    # never one that nobody has answered for.
    folder.write(folder.draft, data)


def _sample_names(kind: str) -> list[str]:
    return [kind, *(f"{kind}-{number}" for number in range(2, 102))]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
