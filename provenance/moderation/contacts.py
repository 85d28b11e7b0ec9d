"""Complainants' contact: sealed with the operator's key, in a table of its own.

The key's file has a line for each key, `ID BASE64` (32 bytes). The first one seals; the
others only open what was sealed before, which is then sealed with the first. Digests of PINs
and tokens stay theirs: a key is needed until nobody may follow or appeal by one of them.

From each key follow others, for one purpose each (RFC 5869): sealing, the digest of a PIN,
the digest by which somebody is known again, the tokens of uploaders.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, delete, func, insert, select, update

from provenance.errors import ConfigurationError, StoreError
from provenance.moderation.model import Contact
from provenance.moderation.tables import contacts
from provenance.records.tokens import Random

__all__ = ["ContactKeys", "ContactStore", "new_key_line", "parse_contact_keys"]

_KEY_BYTES, _NONCE_BYTES = 32, 12
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_MAX_KEYS = 20


def new_key_line(random: Random, id: str) -> str:  # noqa: A002 - the word of the file
    """A line for the key's file, with a key that nobody knows yet.

    Raises:
        ConfigurationError: The id is none.
    """
    if _ID.fullmatch(id) is None:
        raise ConfigurationError(f"contact key: expected an id like 2026-05, got {id!r:.40}")
    return f"{id} {base64.b64encode(random(_KEY_BYTES)).decode('ascii')}\n"


def parse_contact_keys(text: str, *, where: str) -> ContactKeys:
    """Which keys are in this file?

    Raises:
        ConfigurationError: None, or a line that is none; the message quotes no key.
    """
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        id_, _, encoded = line.strip().partition(" ")
        try:
            key = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if _ID.fullmatch(id_) is None or len(key) != _KEY_BYTES or id_ in found:
            raise ConfigurationError(
                f"{where}: line {number}: expected an id of its own and "
                f"{_KEY_BYTES} bytes in Base64"
            )
        found[id_] = key
    if not 0 < len(found) <= _MAX_KEYS:
        raise ConfigurationError(f"{where}: expected 1 to {_MAX_KEYS} keys, got {len(found)}")
    return ContactKeys(keys=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactKeys:
    """The operator's keys, the one that seals first.

    Attributes:
        keys: By id, 32 bytes each.
    """

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return next(iter(self.keys))

    def derived(self, id: str, purpose: str) -> bytes:  # noqa: A002
        """The key that follows from this one for one purpose."""
        info = f"provenance-moderation {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(
            self.keys[id]
        )

    def digest(self, purpose: str, text: str) -> str:
        """By what is this text known again, to whoever has the key? `KEY:HEX`."""
        return self._digest(self.current, purpose, text)

    def digests(self, purpose: str, text: str) -> tuple[str, ...]:
        """The same with every key: what was written before the key was changed is found too."""
        return tuple(self._digest(id_, purpose, text) for id_ in self.keys)

    def fits(self, purpose: str, text: str, digest: str) -> bool:
        """Is this the digest of this text? Takes alike long whatever it is."""
        id_ = digest.partition(":")[0]
        known = id_ if id_ in self.keys else self.current
        return hmac.compare_digest(self._digest(known, purpose, text), digest)

    def _digest(self, id_: str, purpose: str, text: str) -> str:
        key = self.derived(id_, purpose)
        return f"{id_}:{hmac.digest(key, text.encode('utf-8', 'surrogatepass'), sha256).hex()}"

    def seal(self, contact: Contact, *, ref: str, random: Random) -> tuple[str, bytes]:
        """Id of the key and what is stored: it opens for this complaint alone."""
        members = {"email": contact.email, "name": contact.name, "signature": contact.signature}
        plain = json.dumps(members, ensure_ascii=False).encode("utf-8", "surrogatepass")
        nonce = random(_NONCE_BYTES)
        cipher = AESGCM(self.derived(self.current, "contact"))
        return self.current, nonce + cipher.encrypt(nonce, plain, ref.encode("ascii"))

    def open(self, key: str, sealed: bytes, *, ref: str) -> Contact:
        """What was sealed.

        Raises:
            StoreError: Its key is not here, or it was changed or belongs to another complaint.
        """
        if key not in self.keys:
            raise StoreError(f"contact of {ref}: its key {key!r:.40} is not in the key file")
        cipher = AESGCM(self.derived(key, "contact"))
        try:
            plain = cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], ref.encode("ascii")
            )
        except (InvalidTag, ValueError) as error:
            raise StoreError(f"contact of {ref}: does not open with its key") from error
        return Contact(**json.loads(plain.decode("utf-8", "surrogatepass")))


class ContactStore:
    """The contacts that are kept.

    Args:
        keys: What they are sealed with.
        random: Where nonces come from.
    """

    def __init__(self, keys: ContactKeys, random: Random) -> None:
        self.keys = keys
        self._random = random

    def keep(self, connection: Connection, ref: str, contact: Contact) -> None:
        """Keep who complained."""
        key, sealed = self.keys.seal(contact, ref=ref, random=self._random)
        connection.execute(insert(contacts).values(complaint=ref, key=key, sealed=sealed))

    def get(self, connection: Connection, ref: str) -> Contact | None:
        """Who complained; None: they did not say, or it was forgotten.

        Raises:
            StoreError: It does not open.
        """
        row = connection.execute(select(contacts).where(contacts.c.complaint == ref)).one_or_none()
        return None if row is None else self.keys.open(row.key, row.sealed, ref=ref)

    def unreadable(self, connection: Connection) -> dict[str, int]:
        """How many contacts were sealed with keys that are not in the file? By the key's id."""
        count = func.count()
        question = (
            select(contacts.c.key, count)
            .where(contacts.c.key.not_in(list(self.keys.keys)))
            .group_by(contacts.c.key)
            .order_by(contacts.c.key)
        )
        return {row.key: int(row[1]) for row in connection.execute(question)}

    def forget(self, connection: Connection, ref: str) -> bool:
        """Forget who complained: was it known?"""
        gone = connection.execute(delete(contacts).where(contacts.c.complaint == ref))
        return gone.rowcount > 0

    def seal_again(self, connection: Connection, *, most: int = 100) -> int:
        """Seal with the current key what another one of the file sealed: how many were there?

        What was sealed with a key that is not in the file stays as it is.

        Raises:
            StoreError: One does not open.
        """
        before = [key for key in self.keys.keys if key != self.keys.current]
        if not before:
            return 0
        rows = connection.execute(
            select(contacts).where(contacts.c.key.in_(before)).limit(most).with_for_update()
        ).all()
        for row in rows:
            contact = self.keys.open(row.key, row.sealed, ref=row.complaint)
            key, sealed = self.keys.seal(contact, ref=row.complaint, random=self._random)
            connection.execute(
                update(contacts)
                .where(contacts.c.complaint == row.complaint)
                .values(key=key, sealed=sealed)
            )
        return len(rows)
