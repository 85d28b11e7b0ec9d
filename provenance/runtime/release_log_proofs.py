"""Proofs that a release log holds the release that a case is about."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path

from provenance.atomic_files import read_bounded
from provenance.errors import ConfigurationError
from provenance.moderation.model import Subject
from provenance.registry.log.bundle import Bundle, write_bundle_file
from provenance.registry.log.errors import LogError, LogProofError
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.history import NumberedLeaf, entries_about
from provenance.registry.log.policy import MAX_POLICY_BYTES, parse_policy
from provenance.registry.log.prove import make_inclusion_proof
from provenance.registry.log.reader import LogReader
from provenance.registry.log.statement import Reveal, files_of
from provenance.registry.log.store import LogStore
from provenance.runtime.log_reader import open_log_reader

__all__ = ["release_bundle"]


def release_bundle(folder: Path, subject: Subject) -> bytes | None:
    """The log bundle of the release that this subject is or resembles; None: there is none.

    Args:
        folder: The folder of the log, which this machine keeps.
        subject: What a case is about.

    Raises:
        ConfigurationError: The log cannot be read, or proves nothing.
    """
    agency, _, release = (subject.release or "").partition("/")
    if not release:
        return None
    try:
        opened = LogFolder.open(folder)
        with closing(LogStore(opened.store, read_only=True)) as store:
            stated = [
                entry
                for entry in entries_about(store, agency, release)
                if files_of(entry.leaf.statement)
            ]
        if not stated:
            return None
        # A release may be stated in several parts, and the subject may be a file of one.
        own = [
            entry
            for entry in stated
            if any(file.sha256 == subject.sha256 for file in files_of(entry.leaf.statement))
        ]
        return _bundle(open_log_reader(str(folder)), folder, (own or stated)[0])
    except (LogError, LogProofError) as error:
        raise ConfigurationError(f"{folder}: {error}") from error


def _bundle(reader: LogReader, folder: Path, entry: NumberedLeaf) -> bytes:
    text = read_bounded(folder / "policy", MAX_POLICY_BYTES)
    policy = parse_policy(text, where=str(folder / "policy"))
    record, proof = make_inclusion_proof(reader, entry.index, policy)
    embargo = None
    if isinstance(entry.leaf.statement, Reveal):
        earlier, its = make_inclusion_proof(reader, entry.leaf.statement.entry, policy)
        embargo = (earlier, its.encoded)
    stream = io.BytesIO()
    parts = Bundle(entry=record, proof=proof.encoded, policy=text, embargo=embargo)
    write_bundle_file(stream, parts)
    return stream.getvalue()
