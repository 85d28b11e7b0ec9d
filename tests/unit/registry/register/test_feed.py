from __future__ import annotations

from datetime import timedelta

import pytest

from provenance.errors import RegisterError
from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint
from provenance.registry.register.feed import CodeFeed
from provenance.registry.register.iscc import parse_iscc_unit
from provenance.registry.register.packed_codes import MAX_CODES, pack_codes, unpack_codes
from provenance.registry.register.register import Register
from tests.factory.registers import AT, ISCC, Desk, digest_of, fingerprint

NOW = AT + timedelta(hours=1)


class Index:
    """What a search in memory keeps."""

    def __init__(self, feed: CodeFeed) -> None:
        self.feed, self.at = feed, 0
        self.owners: dict[int, list[Code]] = {}
        self.negative: dict[int, bytes] = {}

    def follow(self, most: int = 3) -> None:
        more = True
        while more:
            changes = self.feed.codes_since(self.at, most=most)
            for owned in changes.added:
                self.owners[owned.owner] = [c for column in owned.columns for c in column.codes()]
            for owner in changes.removed:
                del self.owners[owner]
            for code in changes.negative_added:
                self.negative[code.id] = code.bits
            for number in changes.negative_removed:
                del self.negative[number]
            self.at, more = changes.upto, changes.more


def test_a_search_follows_what_is_registered(register: Register, desk: Desk) -> None:
    early, late = Index(register.codes), Index(register.codes)
    for number in range(10):
        register.take(desk.release(f"NOVA9-{number}", f"a{number}", f"b{number}"), at=NOW)
        early.follow()
    late.follow()
    assert early.owners == late.owners
    assert len(late.owners) == 20
    view = register.view(clock=lambda: NOW)
    files = view.owners(list(late.owners), at=NOW)
    for owner, codes in late.owners.items():
        assert codes[0].bits.hex() == files[owner].sha256
        assert [code.view for code in codes] == ["whole", "4:5"]
    (reference,) = view.references(1, at=NOW)
    assert (reference.kind, reference.data, reference.width) == ("picture", b"a0", 640)
    # Withdrawn ones stay: what resembles them is still theirs.
    register.take([desk.withdraw("NOVA9-1")], at=NOW)
    early.follow()
    assert len(early.owners) == 20


def test_codes_that_are_made_anew_replace_the_old_ones(register: Register, desk: Desk) -> None:
    register.take(desk.release("NOVA9-1", "a", "b"), at=NOW)
    index = Index(register.codes)
    index.follow()
    (owner,) = register.codes.replace(digest_of("a"), fingerprint("better"))
    index.follow()
    fresh = Index(register.codes)
    fresh.follow()
    assert index.owners == fresh.owners
    assert len(index.owners) == 2
    assert index.owners[owner][0].bits.hex() == digest_of("better")
    assert register.view(clock=lambda: NOW).owners([owner], at=NOW)[owner].sha256 == digest_of("a")
    with pytest.raises(RegisterError, match="there is no file"):
        register.codes.replace(digest_of("nothing"), fingerprint("better"))


def test_what_is_no_code_is_not_put_into_the_negative_bank(register: Register) -> None:
    index = Index(register.codes)
    with pytest.raises(RegisterError, match="expected 32 bytes, got 3"):
        register.codes.add_negative([(Algorithm.PDQ, bytes(32)), (Algorithm.PDQ, b"abc")], why="x")
    index.follow()
    assert index.negative == {}


def test_the_negative_bank_is_followed_too(register: Register) -> None:
    index = Index(register.codes)
    register.codes.add_negative([(Algorithm.PDQ, bytes(32))], why="black frame")
    index.follow()
    assert list(index.negative.values()) == [bytes(32)]
    (number,) = index.negative
    register.codes.remove_negative(number)
    index.follow()
    assert index.negative == {}
    with pytest.raises(RegisterError, match=f"there is no negative code {number}"):
        register.codes.remove_negative(number)


def test_codes_come_back_as_they_were_packed() -> None:
    codes = [
        Code(algorithm=Algorithm.PDQ_FRAME, bits=bytes([n]) * 32, quality=n, at_ms=1000 * n)
        for n in range(100)
    ]
    codes.append(Code(algorithm=Algorithm.ISCC_VIDEO, bits=bytes(32), view="whole"))
    columns = unpack_codes(pack_codes(codes), where="c")
    assert [code for column in columns for code in column.codes()] == codes
    assert [len(column) for column in columns] == [100, 1]


@pytest.mark.parametrize(
    "damage", [b"", b"\xff", b"\x81", b"\x01", pack_codes([])[:0] + b"\x81\x80"]
)
def test_codes_that_are_damaged_are_named(damage: bytes) -> None:
    with pytest.raises(RegisterError, match=r"^fingerprint 1: codes"):
        unpack_codes(damage, where="fingerprint 1")


def test_codes_of_uneven_columns_are_named() -> None:
    code = Code(algorithm=Algorithm.PDQ, bits=bytes(32))
    data = pack_codes([code]).replace(bytes(32), bytes(31))
    with pytest.raises(RegisterError, match=r"^f: codes"):
        unpack_codes(data, where="f")


def test_too_many_codes_and_odd_ones_are_refused() -> None:
    code = Code(algorithm=Algorithm.PDQ, bits=bytes(32))
    with pytest.raises(RegisterError, match="100000 at most, got 100001"):
        pack_codes([code] * (MAX_CODES + 1))
    with pytest.raises(RegisterError, match="quality of 0 to 100, got 101"):
        pack_codes([Code(algorithm=Algorithm.PDQ, bits=bytes(32), quality=101)])
    assert MediaFingerprint().codes == ()


def test_a_unit_of_iscc_is_a_code() -> None:
    assert parse_iscc_unit(ISCC) == (Algorithm.ISCC_IMAGE, bytes(range(32)))
    # iscc-core 1.5.0: a meta unit, a unit of 64 bits, no base32.
    for other in ("ISCC:AAAT4EBWK27737D2", "ISCC:EEAQAAICAMCAKBQH", "ISCC:x!", "EED", "ISCC:"):
        assert parse_iscc_unit(other) is None
