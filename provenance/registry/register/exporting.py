"""Writing all of a register out, in a form that both databases read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, bindparam, func, select

from provenance.database.database import Database
from provenance.registry.register.schema import (
    ADDER,
    BINDING,
    CHANGE,
    FILE,
    FINGERPRINT,
    LOG_PLACE,
    MANIFEST,
    NEGATIVE,
    REFERENCE,
    STORER,
)
from provenance.registry.register.transfer_lines import (
    BindingLine,
    ChangeLine,
    EndLine,
    FileLine,
    Line,
    ManifestLine,
    NegativeLine,
    Place,
    ReferenceLine,
    StartLine,
    StorerLine,
    encode_line,
)

__all__ = ["export_register"]

_AT_ONCE = 200

_CHANGES = select(CHANGE).where(CHANGE.c.seq > bindparam("after")).order_by(CHANGE.c.seq)
_FILES = select(FILE).where(FILE.c.seq == bindparam("seq")).order_by(FILE.c.id)
_FINGERPRINT = select(FINGERPRINT).where(
    FINGERPRINT.c.file_id == bindparam("file_id"), FINGERPRINT.c.removed_seq.is_(None)
)
_REFERENCES = (
    select(REFERENCE)
    .where(REFERENCE.c.fingerprint_id == bindparam("owner"))
    .order_by(REFERENCE.c.id)
)
_PLACES = select(LOG_PLACE).where(LOG_PLACE.c.seq == bindparam("seq")).order_by(LOG_PLACE.c.origin)
_STORE = select(MANIFEST).where(MANIFEST.c.sha256 == bindparam("sha256"))
_LOOSE = (
    select(MANIFEST, func.min(STORER.c.agency).label("storer"))
    .join(STORER, STORER.c.manifest_sha256 == MANIFEST.c.sha256)
    .group_by(MANIFEST.c.sha256)
    .where(
        MANIFEST.c.sha256.not_in(
            select(FILE.c.manifest_sha256).where(FILE.c.manifest_sha256.is_not(None))
        )
    )
    .order_by(MANIFEST.c.sha256)
)
_STORERS = select(STORER).order_by(STORER.c.manifest_sha256, STORER.c.agency)
_BINDINGS = (
    select(BINDING, ADDER.c.agency)
    .join(ADDER, ADDER.c.binding_id == BINDING.c.id)
    .order_by(BINDING.c.algorithm, BINDING.c.value, BINDING.c.manifest_sha256, ADDER.c.agency)
)
_NEGATIVES = select(NEGATIVE).where(NEGATIVE.c.removed_seq.is_(None)).order_by(NEGATIVE.c.id)


def export_register(database: Database, stream: BinaryIO) -> int:
    """Write one state of the register to a stream; how many changes are in it?

    Everything is in it, also what is under embargo and its salts: keep it as safe as the
    register. The same register gives the same bytes.

    Raises:
        RegisterError: The register cannot be read.
        OSError: The stream cannot be written.
    """
    count = 0
    with database.reading() as connection:
        for line in _lines(connection):
            stream.write(encode_line(line))
            count += isinstance(line, ChangeLine)
    stream.write(encode_line(EndLine(changes=count)))
    return count


def _lines(connection: Connection) -> Iterator[Line]:
    yield StartLine()
    written: set[str] = set()
    after = 0
    while rows := connection.execute(_CHANGES.limit(_AT_ONCE), {"after": after}).all():
        for row in rows:
            for file in connection.execute(_FILES, {"seq": row.seq}).all():
                yield from _about_file(connection, file, written)
            yield _change(connection, row)
        after = rows[-1].seq
    told: set[tuple[str, str]] = set()
    for row in connection.execute(_LOOSE):
        told.add((row.sha256, row.storer))
        yield ManifestLine(sha256=row.sha256, store=row.store, stored_by=row.storer)
    for row in connection.execute(_STORERS):
        if (row.manifest_sha256, row.agency) not in told:
            yield StorerLine(manifest_sha256=row.manifest_sha256, agency=row.agency)
    for row in connection.execute(_BINDINGS):
        yield BindingLine(
            algorithm=row.algorithm,
            value=row.value,
            manifest_sha256=row.manifest_sha256,
            added_by=row.agency,
        )
    for row in connection.execute(_NEGATIVES):
        yield NegativeLine(algorithm=row.algorithm, bits=row.bits, why=row.why)


def _about_file(connection: Connection, file: Row[Any], written: set[str]) -> Iterator[Line]:
    digest = file.manifest_sha256
    if digest is not None and digest not in written:
        written.add(digest)
        row = connection.execute(_STORE, {"sha256": digest}).one()
        yield ManifestLine(sha256=digest, store=row.store)
    made = connection.execute(_FINGERPRINT, {"file_id": file.id}).first()
    title, channels = json.loads(file.title), json.loads(file.channels)
    if made is None and not title and not channels:
        return
    yield FileLine(
        sha256=file.sha256,
        title=title,
        channels=channels,
        codes=None if made is None else made.codes,
        duration_ms=None if made is None else made.duration_ms,
    )
    if made is None:
        return
    for row in connection.execute(_REFERENCES, {"owner": made.id}).all():
        yield ReferenceLine(
            sha256=file.sha256,
            kind=row.kind,
            data=row.data,
            at_ms=row.at_ms,
            width=row.width,
            height=row.height,
        )


def _change(connection: Connection, row: Row[Any]) -> ChangeLine:
    return ChangeLine(
        signed=json.loads(row.encoded),
        taken_at=row.taken_at,
        salt=row.salt,
        commitment=None if row.commitment is None else json.loads(row.commitment),
        places=tuple(
            Place(origin=place.origin, entry=place.entry, logged_at=place.logged_at)
            for place in connection.execute(_PLACES, {"seq": row.seq})
        ),
    )
