"""Files of a folder by the digest of their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field

from provenance.cli.inputs import Input, Notice, find_inputs

__all__ = ["DigestIndex", "index_folder"]


@dataclass(frozen=True, slots=True)
class DigestIndex:
    """Where the wanted bytes are.

    Attributes:
        found: By SHA-256, every file that has these bytes.
        problems: What could not be looked into, a line each.
    """

    found: dict[str, list[Input]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def find(self, sha256: str | None, *, with_sidecar: bool = False) -> Input | None:
        """Where are these bytes, with a sidecar beside them if one is asked for?"""
        places = self.found.get(sha256, []) if sha256 else []
        return next((place for place in places if place.sidecar or not with_sidecar), None)


def index_folder(
    folder: str, *, digests: Collection[str], sizes: Collection[int] | None
) -> DigestIndex:
    """Where in this folder are files with these digests? Each file is read once at most.

    Hidden files are left out, and sidecars found with the file they belong to.

    Args:
        folder: The folder; those in it are walked too.
        digests: SHA-256 of what is wanted. Others are not kept.
        sizes: Only files of these many bytes can be meant; None: of any.
    """
    index = DigestIndex()
    for item in find_inputs([folder], recursive=True):
        if isinstance(item, Notice):
            if item.failed:
                index.problems.append(item.message)
            continue
        assert item.path is not None  # noqa: S101 - a folder is no standard input
        try:
            with open(item.path, "rb") as stream:  # noqa: PTH123 - names stay as they were given
                if sizes is not None and os.fstat(stream.fileno()).st_size not in sizes:
                    continue
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            index.problems.append(f"{item.shown}: cannot be read: {reason}")
            continue
        if sha256 in digests:
            index.found.setdefault(sha256, []).append(item)
    return index
