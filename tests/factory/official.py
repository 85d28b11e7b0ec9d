"""A register with official releases that are really signed, and copies of them."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from provenance.fingerprints.media import fingerprint_media
from provenance.media.decoding.pictures import Rgb
from provenance.media.source import open_source
from provenance.registry.log.leaf import sign_statement
from provenance.registry.log.statement import Supersede, Withdraw, WithdrawalReason
from provenance.registry.register.intake import read_signed_file
from provenance.registry.register.records import Change
from provenance.registry.register.register import Register
from provenance.registry.register.stating import state_release
from provenance.report import Region
from provenance.signing.memory_signer import MemorySigner
from tests.factory.copies import replaced
from tests.factory.registers import AGENCY
from tests.factory.scenes import photo

__all__ = ["Altered", "Press", "break_register", "jpeg_of", "scene_of", "with_a_replaced_face"]


def scene_of(seed: int) -> Rgb:
    """A picture large enough to be recognised by, and small enough to be quick."""
    return photo(seed, size=(480, 320))


def jpeg_of(rgb: Rgb, *, quality: int = 92) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality)
    return out.getvalue()


class Altered(NamedTuple):
    """A copy, and where something in it was put in another's place."""

    data: bytes
    region: Region


def with_a_replaced_face(rgb: Rgb, *, seed: int = 1) -> Altered:
    """The picture with a part as large as a face replaced, saved again."""
    made = replaced(0.05)(rgb, np.random.default_rng(seed))
    assert made.changed is not None
    left, top, wide, high = made.changed
    height, width = rgb.shape[:2]
    region = Region(left=left / width, top=top / height, width=wide / width, height=high / height)
    return Altered(jpeg_of(made.rgb, quality=88), region)


def break_register(place: str | Path) -> None:
    """Take from a register that others have open what every question needs."""
    connection = sqlite3.connect(place)
    try:
        for table in ("register_file", "register_fingerprint"):
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
    finally:
        connection.close()


class Press:
    """Registers what the sample agency has signed.

    Args:
        register: Where.
        signer: The agency's key.
        at: When the agency says it states something.
    """

    def __init__(self, register: Register, signer: MemorySigner, at: datetime) -> None:
        self.register, self.signer, self.at = register, signer, at

    def release(
        self,
        name: str,
        *files: bytes,
        sidecars: Sequence[bytes | None] = (),
        embargo_until: datetime | None = None,
    ) -> None:
        stated = []
        for number, data in enumerate(files):
            with open_source(data) as opened:
                stated.append(
                    read_signed_file(
                        opened,
                        fingerprint=lambda stream, kind, limits, _: fingerprint_media(
                            stream, kind, limits=limits
                        ),
                        sidecar=sidecars[number] if sidecars else None,
                        channels=("https://aurora.example",),
                    )
                )
        changes = state_release(
            stated,
            agency=AGENCY,
            release=name,
            at=self.at,
            signer=self.signer,
            embargo_until=embargo_until,
            make_salt=lambda: sha256(name.encode()).digest(),
        )
        self.register.take(changes, at=self.at)

    def withdraw(self, name: str) -> None:
        self._state(
            Withdraw(
                agency=AGENCY, claimed_at=self.at, release=name, reason=WithdrawalReason.RIGHTS
            )
        )

    def supersede(self, name: str, newer: str) -> None:
        self._state(Supersede(agency=AGENCY, claimed_at=self.at, release=name, replaced_by=newer))

    def _state(self, statement: Withdraw | Supersede) -> None:
        change = Change(signed=sign_statement(statement, self.signer))
        self.register.take([change], at=self.at)
