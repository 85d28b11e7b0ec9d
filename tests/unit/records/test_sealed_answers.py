"""Answers that hold a secret open with the request's own key, and with nothing that is kept."""

from __future__ import annotations

import os

import pytest

from provenance.errors import ConflictError
from provenance.records.sealed_answers import key_digest, open_answer, seal_answer

KEY = "0f8c2d8e-5a3e-4f0e-9f0b-2a8d7b1c6e55"
ANSWER = {"ref": "7K2Q-9XM4-TB3C", "pin": "12345678", "due_at": None}


def test_the_same_key_opens_it() -> None:
    kept = seal_answer(ANSWER, KEY, random=os.urandom)
    assert open_answer(kept, KEY) == ANSWER


def test_another_key_does_not() -> None:
    kept = seal_answer(ANSWER, KEY, random=os.urandom)
    with pytest.raises(ConflictError, match="used for another request"):
        open_answer(kept, KEY + "x")


def test_what_is_kept_tells_neither_the_secret_nor_the_key() -> None:
    kept = str(seal_answer(ANSWER, KEY, random=os.urandom)) + key_digest(KEY)
    assert "12345678" not in kept
    assert KEY not in kept
    assert seal_answer(ANSWER, KEY, random=os.urandom) != seal_answer(
        ANSWER, KEY, random=os.urandom
    )
