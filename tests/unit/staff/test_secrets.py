"""What is kept of secrets, and what opens them: sealing, passwords, codes, recovery codes."""

from __future__ import annotations

import os
import time
import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ConfigurationError
from provenance.staff.passwords import (
    MAX_PASSWORD_CHARS,
    MIN_PASSWORD_CHARS,
    PasswordFault,
    Passwords,
    fault_of,
)
from provenance.staff.recovery import CODES, new_codes, recovery_digest
from provenance.staff.sealing import Sealer
from provenance.staff.tokens import csrf_of, digest_of, new_token
from provenance.staff.totp import new_secret, parse_code, provisioning_uri, step_of
from tests.factory.staff import code_at
from tests.unit.staff.conftest import NOW

KEY = bytes(range(32))
CHEAP = Passwords(os.urandom, passes=1, memory_kib=64, lanes=1)


def test_a_sealed_secret_opens_in_its_place_with_its_key_unchanged() -> None:
    sealer = Sealer(KEY, os.urandom)
    sealed = sealer.seal(b"secret", place="totp/alice")
    assert sealer.open(sealed, place="totp/alice") == b"secret"
    assert b"secret" not in sealed
    assert sealer.seal(b"secret", place="totp/alice") != sealed
    other = Sealer(bytes(32), os.urandom)
    for opened, place, data in (
        (sealer, "totp/bob", sealed),
        (other, "totp/alice", sealed),
        (sealer, "totp/alice", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (sealer, "totp/alice", sealed[:5]),
        (sealer, "totp/alice", b""),
    ):
        with pytest.raises(ConfigurationError, match="does not open what is kept"):
            opened.open(data, place=place)
    with pytest.raises(ConfigurationError, match="expected 32 bytes, got 31"):
        Sealer(KEY[:31], os.urandom)
    assert sealer.mark("a", "b") != other.mark("a", "b")
    assert sealer.mark("a", "b") != sealer.mark("ab", "")


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=300))
def test_a_password_is_right_where_it_is_the_same(text: str) -> None:
    kept = CHEAP.hash(text)
    assert kept.startswith("$argon2id$")
    assert CHEAP.check(kept, text) == (fault_of(text, account="alice") != PasswordFault.TOO_LONG)
    assert not CHEAP.check(kept, f"{text}x")
    assert not CHEAP.check(None, text)
    assert not CHEAP.check("no hash at all", text)


def test_the_same_letters_typed_on_another_machine_are_the_same() -> None:
    composed, apart = "caf\u00e9 au lait matin", "cafe\u0301 au lait matin"
    assert CHEAP.check(CHEAP.hash(composed), apart)
    assert CHEAP.check(CHEAP.hash("\ud800 is half a character"), "\ud800 is half a character")


@given(text=st.text(max_size=300))
def test_every_password_is_taken_or_told_why_not(text: str) -> None:
    fault = fault_of(text, account="alice")
    assert fault is None or fault in PasswordFault
    if fault is None:
        assert len(set(text.casefold())) >= 5


def test_a_long_one_is_right_however_a_keyboard_sends_it() -> None:
    whole = "가나다라마바사아자각간갇" * 10
    parts = unicodedata.normalize("NFD", whole)
    assert len(parts) > MAX_PASSWORD_CHARS
    assert fault_of(parts, account="alice") is None
    for kept in (CHEAP.hash(parts), CHEAP.hash(whole)):
        assert CHEAP.check(kept, parts)
        assert CHEAP.check(kept, whole)
        assert not CHEAP.check(kept, parts + "\u1100")


def test_marks_without_end_are_told_at_once() -> None:
    # Putting them in order takes the square of their number.
    marks = "a" + "\u0300\u0316" * 60_000
    begun = time.process_time()
    assert fault_of(marks, account="alice") is PasswordFault.TOO_LONG
    assert not CHEAP.check(CHEAP.hash("seven purple umbrellas"), marks)
    assert time.process_time() - begun < 5


def test_length_counts_and_kinds_of_characters_do_not() -> None:
    assert fault_of("seven purple umbrellas", account="alice") is None
    assert fault_of("우산 일곱 개가 보라색입니다", account="alice") is None
    assert fault_of("x" * (MIN_PASSWORD_CHARS - 1), account="alice") is PasswordFault.TOO_SHORT


@given(text=st.text(max_size=60))
def test_codes_as_people_type_them(text: str) -> None:
    found = parse_code(text)
    assert found is None or (len(found) == 6 and found.isascii() and found.isdecimal())
    digest = recovery_digest("alice", text)
    assert digest is None or len(digest) == 64


def test_six_digits_however_they_are_spaced() -> None:
    assert parse_code(" 123 456\n") == "123456"
    assert parse_code("123-456") == "123456"
    for wrong in ("12345", "1234567", "12345a", "\u0661\u0662\u0663\u0664\u0665\u0666", ""):
        assert parse_code(wrong) is None


@given(seconds=st.integers(-200, 200))
def test_a_code_counts_for_its_step_and_its_neighbours(seconds: int) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    shown = NOW + timedelta(seconds=seconds)
    step = step_of(secret, code_at(secret, shown), now=NOW, after=None)
    apart = int(shown.timestamp()) // 30 - int(NOW.timestamp()) // 30
    if abs(apart) <= 1:
        assert step == int(shown.timestamp()) // 30
        assert step_of(secret, code_at(secret, shown), now=NOW, after=step) is None
        assert step_of(secret, code_at(secret, shown), now=NOW, after=step - 1) == step
    else:
        assert step is None


def test_an_app_is_told_the_secret_and_the_account() -> None:
    secret = new_secret(os.urandom)
    assert len(secret) == 32
    uri = provisioning_uri(secret, account="alice")
    assert uri.startswith("otpauth://totp/Provenance:alice?")
    assert f"secret={secret}" in uri


def test_recovery_codes_are_read_as_they_are_written_down() -> None:
    codes = new_codes(os.urandom)
    assert len(set(codes)) == CODES
    for code in codes:
        kept = recovery_digest("alice", code)
        assert kept is not None
        misread = code.replace("O", "0").replace("I", "1").replace("B", "8")
        assert recovery_digest("alice", misread.lower().replace("-", "")) == kept
        assert recovery_digest("bob", code) != kept
        assert recovery_digest("alice", code[:-1]) is None


def test_what_a_form_holds_tells_nothing_of_the_token() -> None:
    token = new_token(os.urandom)
    assert len(token) == 43
    assert csrf_of(token) not in {digest_of(token), token}
    assert csrf_of(token) != csrf_of(new_token(os.urandom))
