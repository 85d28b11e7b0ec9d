"""An archive of signed files, with the directory that lists their signer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.signing.dev_agency import create_dev_agency
from provenance.trust.directory import LoadedDirectory, parse_directory
from tests.factory import media, pki
from tests.factory.sign import sign

__all__ = ["Archive", "make_archive"]

_KINDS = ("jpeg", "png", "mp3", "pdf")


@dataclass(frozen=True, slots=True)
class Archive:
    """Files in folders of a hundred.

    Attributes:
        folder: Where they are.
        directory_file: The directory as a file, beside the folder.
        directory: The same, read.
    """

    folder: Path
    directory_file: Path
    directory: LoadedDirectory


def make_archive(folder: Path, files: int, *, kinds: Sequence[str] = _KINDS) -> Archive:
    """Write so many signed files; each kind is signed once and copied."""
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )
    signed = [
        sign(media.make(kind), media.MEDIA_TYPES[kind], signer=agency.signer()) for kind in kinds
    ]
    for number in range(files):
        place = folder / f"{number // 100:04}"
        place.mkdir(parents=True, exist_ok=True)
        which = number % len(kinds)
        (place / f"{number:06}.{kinds[which]}").write_bytes(signed[which])
    document = json.dumps(agency.directory_entry(), ensure_ascii=False).encode()
    path = folder.parent / "directory.json"
    path.write_bytes(document)
    return Archive(folder, path, parse_directory(document, where="sample", source="sample"))
