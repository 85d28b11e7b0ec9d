"""Copies lead back to what was registered; strangers, templates and siblings do not pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from provenance.fingerprints.feature_index import HashedFeatureIndex, index_features, query_features
from provenance.fingerprints.matching import PictureMatcher
from provenance.fingerprints.model import Reference
from provenance.fingerprints.negatives import NegativeBank
from provenance.fingerprints.pictures import fingerprint_picture, query_codes
from tests.benchmarks.accuracy_pictures import (
    Register,
    kinds,
    measure_bursts,
    measure_copies,
    measure_unrelated,
    picture_of,
)
from tests.factory.copies import BEYOND, COPIES
from tests.factory.scenes import photo

SIZE = (480, 320)
MUST = (
    "jpeg q10",
    "resize x0.25",
    "crop 10 % off centre",
    "crop 20 % off centre",
    "9:16 centred",
    "screenshot frame",
    "sticker 10 %",
    "mirror",
    "rotate 3°",
    "repost chain",
    "replaced 12 %",
)


@cache
def register() -> Register:
    made = Register()
    for seed in range(12):
        made.add(seed, photo(seed, size=SIZE))
    return made


@pytest.mark.parametrize("name", MUST)
def test_copies_that_must_be_found_are_found(name: str) -> None:
    originals = [(seed, photo(seed, size=SIZE)) for seed in (2, 5)]
    chosen = [kind for kind in kinds() if kind.name == name]
    (tally,) = measure_copies(register(), originals, chosen).values()
    assert (tally.copies, tally.right, tally.others) == (2, 2, 0)


def test_strangers_are_not_taken_for_copies() -> None:
    assert measure_unrelated(register(), range(6)) == 0


def test_a_frame_of_a_burst_is_named_or_said_not_to_be_told_apart() -> None:
    made = Register()
    counted = measure_bursts(made, 2)
    assert counted["copies"] == 2
    assert counted["right_frame"] + counted["not_told_apart"] == 2
    assert counted["other_frame"] == 0


def test_what_only_local_features_find_says_so() -> None:
    rgb = photo(5, size=SIZE)
    copy = BEYOND["crop 30 % off centre"](rgb, np.random.default_rng(8))
    (match,) = register().look_up(copy.rgb).matches
    assert (match.owner, match.found_by, match.distance) == (5, "local features", None)
    without = PictureMatcher(codes=register().codes, references=register().references.get)
    assert without.match(picture_of(copy.rgb)).matches == ()


def test_a_plain_picture_says_why_no_code_was_asked() -> None:
    answer = register().look_up(np.zeros((200, 300, 3), np.uint8))
    assert answer.matches == ()
    assert answer.why_not == ("pdq: too plain to be recognised",)


def test_a_picture_on_the_negative_bank_leads_nowhere_by_its_code() -> None:
    rgb = photo(5, size=SIZE)
    bank = NegativeBank(query_codes(rgb))
    matcher = PictureMatcher(
        codes=register().codes, references=register().references.get, negatives=bank
    )
    answer = matcher.match(picture_of(rgb))
    assert answer.matches == ()
    assert answer.why_not == ("pdq: like pictures that identify no release",)
    # Its twin: the same look-up without the bank.
    assert register().look_up(rgb).matches[0].owner == 5


def test_codes_that_do_not_count_are_dropped_before_they_are_registered() -> None:
    codes = fingerprint_picture(picture_of(photo(5, size=SIZE))).codes
    bank = NegativeBank(codes[:1])
    kept = bank.without(codes)
    assert codes[0] not in kept
    assert 0 < len(kept) < len(codes)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (None, "nothing is kept to confirm a resemblance with"),
        (Reference(kind="picture", data=b"\xff\xd8 cut"), "cannot be read: jpeg picture"),
        (Reference(kind="sound", data=b""), "expected a picture, got sound"),
    ],
)
def test_a_candidate_that_cannot_be_compared_says_why(
    reference: Reference | None, why: str
) -> None:
    matcher = PictureMatcher(codes=register().codes, references=lambda _: reference)
    answer = matcher.match(picture_of(photo(5, size=SIZE)))
    assert answer.matches == ()
    assert any(why in text for text in answer.why_not)


def test_features_that_are_removed_are_gone() -> None:
    index = HashedFeatureIndex()
    scenes = {seed: photo(seed, size=SIZE) for seed in (1, 2, 3)}
    for seed, rgb in scenes.items():
        index.add(seed, index_features(rgb))
    asked = query_features(COPIES["repost chain"](scenes[2], np.random.default_rng(1)).rgb)
    assert index.search(asked)[0].owner == 2
    index.remove(2)
    assert all(candidate.owner != 2 for candidate in index.search(asked))
    index.add(2, index_features(scenes[2]))
    assert index.search(asked)[0].owner == 2


def test_features_are_found_while_others_come_and_go() -> None:
    index = HashedFeatureIndex()
    features = [index_features(photo(seed, size=SIZE)) for seed in range(4)]
    index.add(0, features[0])
    stop = threading.Event()
    wrong: list[int] = []

    def search() -> Iterator[int]:
        while not stop.is_set():
            found = index.search(features[0], most=1)
            yield found[0].owner if found else -1

    def watch() -> None:
        wrong.extend(owner for owner in search() if owner != 0)

    reader = threading.Thread(target=watch)
    reader.start()
    for turn in range(30):
        index.add(1 + turn % 3, features[1 + turn % 3])
        index.remove(1 + (turn + 1) % 3)
    stop.set()
    reader.join()
    assert wrong == []
