"""What a search in memory is built from, and kept up to date with while it runs.

A search begins at number 0 and asks again from the number it got, until there is no more;
after that, now and then. All codes come, whoever may see what they are of: what is found
is put through `RegisterView.owners`, which leaves out what the reader may not know of. A
withdrawn release stays: what resembles it is found, and said to be withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, and_, bindparam, func, insert, or_, select, update

from provenance.database.database import Database
from provenance.errors import RegisterError
from provenance.fingerprints.model import CODE_BYTES, Algorithm, Code, MediaFingerprint
from provenance.registry.register.packed_codes import CodeColumns, unpack_codes
from provenance.registry.register.rows import NewRows
from provenance.registry.register.schema import COUNTER, FILE, FINGERPRINT, NEGATIVE, REFERENCE

__all__ = ["CodeChanges", "CodeFeed", "NegativeCode", "OwnedCodes"]

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class OwnedCodes:
    """The codes of one file.

    Attributes:
        owner: By this `RegisterView.owners` tells the file.
        columns: The codes, by algorithm.
        features: The local features of its picture, as they are stored; None where there
            are none.
    """

    owner: int
    columns: tuple[CodeColumns, ...]
    features: bytes | None = None


@dataclass(frozen=True, slots=True)
class NegativeCode:
    """A code that says nothing: of a text card, a black frame, a logo.

    Attributes:
        id: Its number.
        algorithm: What it was made with.
        bits: 256 bits.
    """

    id: int
    algorithm: Algorithm
    bits: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeChanges:
    """What has changed since a number.

    Attributes:
        upto: Ask from this number next.
        more: Whether there was more at the time.
        added: Codes to search.
        removed: Owners whose codes are not to be searched any more.
        negative_added: Codes that are to count for nothing.
        negative_removed: Numbers of those that count again.
    """

    upto: int
    more: bool
    added: tuple[OwnedCodes, ...]
    removed: tuple[int, ...]
    negative_added: tuple[NegativeCode, ...]
    negative_removed: tuple[int, ...]


_SINCE = bindparam("since", type_=BigInteger)
_UPTO = bindparam("upto", type_=BigInteger)
_COUNTER = select(COUNTER.c.value)
_NUMBERS = (
    select(FINGERPRINT.c.added_seq)
    .where(FINGERPRINT.c.added_seq > _SINCE)
    .order_by(FINGERPRINT.c.added_seq)
    .limit(1)
    .offset(bindparam("most"))
)
_ADDED = (
    select(FINGERPRINT.c.id, FINGERPRINT.c.codes, REFERENCE.c.data.label("features"))
    .join_from(
        FINGERPRINT,
        REFERENCE,
        and_(REFERENCE.c.fingerprint_id == FINGERPRINT.c.id, REFERENCE.c.kind == "features"),
        isouter=True,
    )
    .where(
        FINGERPRINT.c.added_seq > _SINCE,
        FINGERPRINT.c.added_seq <= _UPTO,
        or_(FINGERPRINT.c.removed_seq.is_(None), FINGERPRINT.c.removed_seq > _UPTO),
    )
    .order_by(FINGERPRINT.c.added_seq, FINGERPRINT.c.id)
)
_CODES_OF = select(FINGERPRINT.c.codes).where(FINGERPRINT.c.id == bindparam("owner"))
_REMOVED = select(FINGERPRINT.c.id).where(
    FINGERPRINT.c.removed_seq > _SINCE,
    FINGERPRINT.c.removed_seq <= _UPTO,
    FINGERPRINT.c.added_seq <= _SINCE,
)
_NEGATIVE_ADDED = select(NEGATIVE).where(
    NEGATIVE.c.added_seq > _SINCE,
    NEGATIVE.c.added_seq <= _UPTO,
    or_(NEGATIVE.c.removed_seq.is_(None), NEGATIVE.c.removed_seq > _UPTO),
)
_NEGATIVE_REMOVED = select(NEGATIVE.c.id).where(
    NEGATIVE.c.removed_seq > _SINCE,
    NEGATIVE.c.removed_seq <= _UPTO,
    NEGATIVE.c.added_seq <= _SINCE,
)


class CodeFeed:
    """The codes of a register, as they come and go.

    Args:
        database: The register's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def codes_since(self, number: int = 0, *, most: int = _AT_ONCE) -> CodeChanges:
        """What has changed since this number? About so many files at once.

        Raises:
            RegisterError: It cannot be read.
        """
        with self._database.reading() as connection:
            last = int(connection.execute(_COUNTER).scalar_one())
            cut = connection.execute(_NUMBERS, {"since": number, "most": most - 1}).scalar()
            # All codes that came by one change come together.
            upto = last if cut is None else int(cut)
            key = {"since": number, "upto": upto}
            added = connection.execute(_ADDED, key).all()
            removed = connection.execute(_REMOVED, key).scalars().all()
            negative_added = connection.execute(_NEGATIVE_ADDED, key).all()
            negative_removed = connection.execute(_NEGATIVE_REMOVED, key).scalars().all()
        return CodeChanges(
            upto=upto,
            more=upto < last,
            added=tuple(
                OwnedCodes(
                    row.id,
                    unpack_codes(row.codes, where=f"fingerprint {row.id}"),
                    features=row.features,
                )
                for row in added
            ),
            removed=tuple(removed),
            negative_added=tuple(
                NegativeCode(row.id, Algorithm(row.algorithm), row.bits) for row in negative_added
            ),
            negative_removed=tuple(negative_removed),
        )

    def codes_of(self, owner: int) -> tuple[Code, ...]:
        """Which codes has this owner? None where they were removed meanwhile.

        Raises:
            RegisterError: They cannot be read.
        """
        with self._database.reading() as connection:
            data = connection.execute(_CODES_OF, {"owner": owner}).scalar()
        if data is None:
            return ()
        columns = unpack_codes(data, where=f"fingerprint {owner}")
        return tuple(code for column in columns for code in column.codes())

    def replace(self, sha256: str, fingerprint: MediaFingerprint) -> tuple[int, ...]:
        """Give a file other codes, as when they are made in a better way; its new owners.

        Raises:
            RegisterError: There is no such file, or it cannot be written.
        """
        with self._database.writing() as connection:
            files = (
                connection.execute(
                    select(func.min(FILE.c.id))
                    .where(FILE.c.sha256 == sha256)
                    .group_by(FILE.c.release_id)
                )
                .scalars()
                .all()
            )
            if not files:
                raise RegisterError(f"{self._database.name}: there is no file {sha256}")
            rows = NewRows(connection)
            number = rows.next_number()
            same = select(FILE.c.id).where(FILE.c.sha256 == sha256)
            connection.execute(
                update(FINGERPRINT)
                .where(FINGERPRINT.c.file_id.in_(same), FINGERPRINT.c.removed_seq.is_(None))
                .values(removed_seq=number)
            )
            owners = tuple(rows.add_fingerprint(file, number, fingerprint) for file in files)
            rows.write()
        return owners

    def add_negative(self, codes: Sequence[tuple[Algorithm, bytes]], *, why: str) -> None:
        """Let these codes count for nothing from now on.

        Args:
            codes: Algorithm and bits of each.
            why: What they are of: `black frame`, `logo of ...`.

        Raises:
            RegisterError: One is no code, or it cannot be written.
        """
        for _, bits in codes:
            # Taken in, it would stop every search that this bank is kept for.
            if len(bits) != CODE_BYTES:
                raise RegisterError(f"negative code: expected {CODE_BYTES} bytes, got {len(bits)}")
        with self._database.writing() as connection:
            rows = NewRows(connection)
            number = rows.next_number()
            for algorithm, bits in codes:
                connection.execute(
                    insert(NEGATIVE),
                    {
                        "algorithm": algorithm.value,
                        "bits": bits,
                        "why": why,
                        "added_seq": number,
                    },
                )
            rows.write()

    def remove_negative(self, number: int) -> None:
        """Let the code of this number count again.

        Raises:
            RegisterError: There is none, or it cannot be written.
        """
        with self._database.writing() as connection:
            rows = NewRows(connection)
            done = connection.execute(
                update(NEGATIVE)
                .where(NEGATIVE.c.id == number, NEGATIVE.c.removed_seq.is_(None))
                .values(removed_seq=rows.next_number())
            )
            if not done.rowcount:
                raise RegisterError(f"{self._database.name}: there is no negative code {number}")
            rows.write()
