"""What is searched in memory is what the register has, however it came to be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provenance.fingerprints.feature_index import HashedFeatureIndex, index_features, query_features
from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint, Reference
from provenance.registry.register.feed import CodeChanges, OwnedCodes
from provenance.registry.register.register import Register
from provenance.registry.search.projection import SearchProjection
from tests.factory.registers import AT, Desk, alike, digest_of, fingerprint
from tests.factory.scenes import photo

NOW = AT + timedelta(hours=1)


def code_of(name: str) -> Code:
    return fingerprint(name).codes[0]


def owners_near(projection: SearchProjection, name: str) -> set[int]:
    projection.update()
    return {hit.owner for hit in projection.codes.search([code_of(name)], radius=0)}


def test_it_follows_what_is_added_and_what_is_made_anew(register: Register, desk: Desk) -> None:
    projection = SearchProjection(register.codes)
    assert owners_near(projection, "a") == set()
    register.take(desk.release("NOVA9-1", "a", "b"), at=NOW)
    (first,), (second,) = owners_near(projection, "a"), owners_near(projection, "b")
    assert first != second
    (anew,) = register.codes.replace(digest_of("a"), fingerprint("better"))
    assert owners_near(projection, "better") == {anew}
    assert owners_near(projection, "a") == set()
    # Withdrawn ones stay: what resembles them is still theirs.
    register.take([desk.withdraw("NOVA9-1")], at=NOW)
    assert owners_near(projection, "b") == {second}


def test_one_that_begins_later_has_the_same(register: Register, desk: Desk) -> None:
    early = SearchProjection(register.codes)
    for number in range(5):
        register.take(desk.release(f"NOVA9-{number}", f"a{number}"), at=NOW)
        early.update()
    register.codes.replace(digest_of("a3"), fingerprint("better"))
    for name in ("a0", "a3", "a4", "better"):
        assert owners_near(early, name) == owners_near(SearchProjection(register.codes), name)


def test_negative_codes_come_and_go(register: Register) -> None:
    projection = SearchProjection(register.codes)
    card = Code(algorithm=Algorithm.PDQ, bits=bytes(32))
    register.codes.add_negative([(card.algorithm, card.bits)], why="text card")
    projection.update()
    assert projection.negatives.without([card]) == ()
    assert projection.never(Algorithm.PDQ) == {card.bits}
    assert projection.never(Algorithm.CHROMA) == frozenset()
    (change,) = register.codes.codes_since().negative_added
    register.codes.remove_negative(change.id)
    projection.update()
    assert projection.negatives.without([card]) == (card,)
    assert projection.negative_codes == ()


@pytest.mark.parametrize("algorithm", [Algorithm.PDQ, Algorithm.PDQ_FRAME, Algorithm.CHROMA])
def test_codes_of_darkness_and_silence_are_not_searched(
    register: Register, desk: Desk, algorithm: Algorithm
) -> None:
    at_ms = None if algorithm is Algorithm.PDQ else 0
    dark = Code(algorithm=algorithm, bits=bytes(32), quality=0, at_ms=at_ms)
    plain = Code(algorithm=algorithm, bits=b"\1" * 32, quality=100, at_ms=at_ms)
    file = alike("a", MediaFingerprint(codes=(dark, plain)))
    register.take(desk.release("NOVA9-1", file), at=NOW)
    projection = SearchProjection(register.codes)
    projection.update()
    assert projection.codes.search([dark], radius=0) == []
    assert len(projection.codes.search([plain], radius=0)) == 1


def test_local_features_are_searched_and_damaged_ones_are_passed_over(
    register: Register, desk: Desk
) -> None:
    rgb = photo(2, size=(480, 320))
    good = Reference(kind="features", data=index_features(rgb).to_bytes())
    for name, data in (("good", good.data), ("bad", b"no features")):
        codes = fingerprint(name).codes
        references = (Reference(kind="features", data=data),)
        file = alike(name, MediaFingerprint(codes=codes, references=references))
        register.take(desk.release(name, file), at=NOW)
    projection = SearchProjection(register.codes)
    (owner,) = owners_near(projection, "good")
    assert owners_near(projection, "bad")
    assert [c.owner for c in projection.features.search(query_features(rgb))] == [owner]
    register.codes.replace(digest_of("good"), fingerprint("another"))
    projection.update()
    assert projection.features.search(query_features(rgb)) == []


def test_an_update_that_was_cut_off_is_done_again(register: Register, desk: Desk) -> None:
    """Codes that were taken in before it broke are not there twice afterwards."""
    register.take(desk.release("NOVA9-1", "a", "b"), at=NOW)
    projection = SearchProjection(register.codes)
    changes = register.codes.codes_since()
    half = OwnedCodes(changes.added[0].owner, changes.added[0].columns)
    projection._take(
        CodeChanges(
            upto=0, more=True, added=(half,), removed=(), negative_added=(), negative_removed=()
        )
    )
    projection.update()
    assert len(projection.codes.search([code_of("a")], radius=0)) == len(fingerprint("a").codes)


def test_hidden_pictures_take_nobodys_place_among_the_likely_ones() -> None:
    """Sixty hidden copies have more votes than the one that may be found."""
    index = HashedFeatureIndex()
    rgb = photo(2, size=(480, 320))
    whole = index_features(rgb)
    for owner in range(60):
        index.add(owner, whole)
    index.add(77, index_features(rgb[:, :400]))
    shown = index.search(query_features(rgb), seen=lambda owners: {77} & set(owners))
    assert [candidate.owner for candidate in shown] == [77]
    alone = HashedFeatureIndex()
    alone.add(77, index_features(rgb[:, :400]))
    assert shown == alone.search(query_features(rgb))
