"""Sealed contacts: opened by the operator's key alone, for one complaint alone."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from provenance.errors import ConfigurationError, StoreError
from provenance.moderation.audit import writing
from provenance.moderation.contacts import (
    ContactKeys,
    ContactStore,
    new_key_line,
    parse_contact_keys,
)
from provenance.moderation.model import Contact
from tests.factory.moderation import CONTACT, NOW, about, open_desks, random_bytes

OLD = ContactKeys(keys={"2025": b"o" * 32})
NEW = ContactKeys(keys={"2026": b"n" * 32, "2025": b"o" * 32})


@given(st.builds(Contact, name=st.text(), email=st.none() | st.text(), signature=st.text()))
def test_what_was_sealed_is_opened_again(contact: Contact) -> None:
    key, sealed = OLD.seal(contact, ref="7K2Q9XM4TB3C", random=random_bytes())
    assert NEW.open(key, sealed, ref="7K2Q9XM4TB3C") == contact


def test_it_opens_for_no_other_complaint_key_or_byte() -> None:
    key, sealed = OLD.seal(CONTACT, ref="A", random=random_bytes())
    with pytest.raises(StoreError, match="does not open"):
        OLD.open(key, sealed, ref="B")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(StoreError, match="does not open"):
            OLD.open(key, changed, ref="A")
    with pytest.raises(StoreError, match="its key '2025' is not in the key file"):
        ContactKeys(keys={"2026": b"n" * 32}).open(key, sealed, ref="A")
    with pytest.raises(StoreError, match="does not open"):
        OLD.open(key, b"", ref="A")
    assert OLD.open(key, sealed, ref="A") == CONTACT


def test_keys_are_changed_without_losing_anybody(engine: Engine) -> None:
    desks = open_desks(engine)
    ref = desks.complaints.file(about(contact=CONTACT), now=NOW).complaint.ref
    old = desks.office.keys.keys["2026-05"]
    store = ContactStore(ContactKeys(keys={"new": b"n" * 32, "2026-05": old}), random_bytes())
    with writing(engine) as connection:
        assert store.get(connection, ref) == CONTACT
        assert store.seal_again(connection) == 1
        assert store.seal_again(connection) == 0
    alone = ContactStore(ContactKeys(keys={"new": b"n" * 32}), random_bytes())
    with writing(engine) as connection:
        assert alone.get(connection, ref) == CONTACT
        assert alone.forget(connection, ref)
        assert alone.get(connection, ref) is None
        assert not alone.forget(connection, ref)


def test_time_seals_again_what_an_earlier_key_sealed(engine: Engine) -> None:
    before = open_desks(engine)
    ref = before.complaints.file(about(contact=CONTACT), now=NOW).complaint.ref
    old = before.office.keys.keys["2026-05"]
    lost = open_desks(engine, keys=ContactKeys(keys={"new": b"n" * 32}))
    # A key that is gone stops no clock: its contacts wait until it is back.
    lost.clockwork.tick(NOW)
    with writing(engine) as connection:
        assert lost.office.contacts.unreadable(connection) == {"2026-05": 1}
        assert before.office.contacts.unreadable(connection) == {}
    after = open_desks(engine, keys=ContactKeys(keys={"new": b"n" * 32, "2026-05": old}))
    after.clockwork.tick(NOW)
    with writing(engine) as connection:
        assert lost.office.contacts.get(connection, ref) == CONTACT


def test_a_digest_is_known_again_after_the_key_was_changed() -> None:
    digest = OLD.digest("pin", "ref:12345678")
    assert NEW.fits("pin", "ref:12345678", digest)
    assert not NEW.fits("pin", "ref:12345679", digest)
    assert not NEW.fits("reporter", "ref:12345678", digest)
    assert not NEW.fits("pin", "ref:12345678", "none:" + "0" * 64)
    assert digest in NEW.digests("pin", "ref:12345678")


def test_a_file_of_keys_is_read() -> None:
    text = "# first seals\n" + new_key_line(random_bytes(), "2026-05") + "\n"
    keys = parse_contact_keys(text, where="keys")
    assert keys.current == "2026-05"
    assert "b'" not in repr(keys)
    with pytest.raises(ConfigurationError, match="expected an id like"):
        new_key_line(random_bytes(), "A b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "keys: expected 1 to 20 keys, got 0"),
        ("2026 AAAA\n", "keys: line 1: expected an id of its own and 32 bytes"),
        (f"{base64.b64encode(b'k' * 32).decode()}\n", "keys: line 1: expected an id"),
        (("2026 " + base64.b64encode(b"k" * 32).decode() + "\n") * 2, "keys: line 2: expected"),
        ("2026 ?\n", "keys: line 1"),
    ],
)
def test_what_is_no_key_is_refused_without_quoting_it(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as error:
        parse_contact_keys(text, where="keys")
    assert base64.b64encode(b"k" * 32).decode() not in str(error.value)


@given(st.text(max_size=200))
def test_any_text_is_keys_or_refused(text: str) -> None:
    with suppress(ConfigurationError):
        assert parse_contact_keys(text, where="keys").keys
