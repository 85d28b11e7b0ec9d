"""A worker asks a register through its parent, and a hostile one gets no more than a reader."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from provenance.errors import RegisterError
from provenance.fingerprints.feature_index import query_features
from provenance.fingerprints.media import fingerprint_media
from provenance.fingerprints.model import Algorithm, Code
from provenance.media.formats import FORMATS
from provenance.registry.register.register import Register
from provenance.runtime.register_search import SearchedRegister
from provenance.runtime.workers.channel import Channel, ChannelClosedError
from provenance.runtime.workers.register_desk import RegisterDesk
from provenance.runtime.workers.register_words import CODES_AT_ONCE
from provenance.runtime.workers.relayed_register import RelayedRegister
from provenance.signing.memory_signer import MemorySigner
from tests.factory.official import break_register
from tests.factory.registers import AT, ISCC, Desk, alike, digest_of, stated_file, store_in
from tests.factory.scenes import photo

NOW = AT + timedelta(hours=1)
UNTIL = AT + timedelta(days=7)
JPEG = FORMATS["jpeg"]


def jpeg(seed: int, *, quality: int = 92) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photo(seed, size=(480, 320))).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory, agency_signer: MemorySigner, signed_jpeg: bytes
) -> Iterator[SearchedRegister]:
    """One public release that was withdrawn, and one under embargo, each of one picture."""
    desk = Desk(agency_signer)
    with Register(tmp_path_factory.mktemp("relay") / "register.db") as register:
        bound = stated_file("bound", store=store_in(signed_jpeg), iscc=ISCC)
        public = alike("public", fingerprint_media(io.BytesIO(jpeg(3)), JPEG))
        hidden = alike("hidden", fingerprint_media(io.BytesIO(jpeg(5)), JPEG))
        register.take(desk.release("NOVA9-1", public, bound), at=NOW)
        register.take(desk.release("NOVA9-9", hidden, embargo_until=UNTIL), at=NOW)
        register.take([desk.withdraw("NOVA9-1")], at=NOW)
        register.codes.add_negative([(Algorithm.PDQ, bytes(32))], why="text card")
        yield SearchedRegister(register, clock=lambda: NOW)


@contextmanager
def relayed(desk: RegisterDesk) -> Iterator[RelayedRegister]:
    """A register as a worker has it, over a real connection to whoever answers."""
    here, there = socket.socketpair()
    worker, parent = Channel(here), Channel(there)

    def answer() -> None:
        while True:
            try:
                document, _ = parent.receive_document()
            except ChannelClosedError:
                return
            parent.send_document(desk.answer(document))

    thread = threading.Thread(target=answer)
    thread.start()
    register = RelayedRegister("the register")
    register.channel = worker
    try:
        yield register
    finally:
        worker.hang_up()
        thread.join()
        worker.close()
        parent.close()


def test_every_question_has_the_answer_that_the_parent_would_give(
    searched: SearchedRegister, signed_jpeg: bytes
) -> None:
    label, _ = store_in(signed_jpeg)
    copy = jpeg(3, quality=40)
    with relayed(searched.desk()) as register:
        assert register.name == "the register"
        for name in ("public", "bound", "hidden", "nothing"):
            assert register.files(digest_of(name), at=NOW) == searched.view.files(
                digest_of(name), at=NOW
            )
            assert register.manifests_for_bytes(
                digest_of(name), at=NOW
            ) == searched.view.manifests_for_bytes(digest_of(name), at=NOW)
        assert register.files_of_manifest(label, at=NOW)
        assert register.files_of_manifest(label, at=NOW) == searched.view.files_of_manifest(
            label, at=NOW
        )
        found = register.manifests_for_binding("io.iscc.v0", ISCC, at=NOW)
        assert found == searched.view.manifests_for_binding("io.iscc.v0", ISCC, at=NOW)
        assert found[0].distance == 0
        answer = register.resembling(io.BytesIO(copy), JPEG, at=NOW)
        assert answer == searched.view.resembling(io.BytesIO(copy), JPEG, at=NOW)
        (match,) = answer.matches
        assert match.file.sha256 == digest_of("public")
        assert register.resembling(io.BytesIO(jpeg(5)), JPEG, at=NOW).matches == ()


def test_more_codes_than_go_into_one_question_are_asked_in_several(
    searched: SearchedRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.runtime.workers.relayed_register.CODES_AT_ONCE", 2)
    copy = jpeg(3, quality=40)
    with relayed(searched.desk()) as register:
        answer = register.resembling(io.BytesIO(copy), JPEG, at=NOW)
    assert answer == searched.view.resembling(io.BytesIO(copy), JPEG, at=NOW)


def test_one_that_nobody_answers_cannot_be_read() -> None:
    with pytest.raises(RegisterError, match="r: nobody here asks it"):
        RelayedRegister("r").files("00" * 32, at=NOW)


CODE = ["pdq", "A" * 43 + "=", "whole", 100, None]
MEANINGLESS: dict[str, dict[str, Any]] = {
    "an unknown question": {"register": "everything"},
    "no time": {"register": "files", "sha256": "00", "at": None},
    "a time that is none": {"register": "files", "sha256": "00", "at": "yesterday"},
    "a time without an offset": {"register": "files", "sha256": "00", "at": "2026-05-01T00:00:00"},
    "nothing to look for": {"register": "files"},
    "a question that is a list": {"register": ["files"]},
    "no codes": {"register": "codes", "codes": 7, "radius": 9, "most": 1},
    "codes that are text": {"register": "codes", "codes": "abc", "radius": 9, "most": 1},
    "a short code": {"register": "codes", "codes": [["pdq", "AAAA", "", 1, None]], "radius": 9,
                     "most": 1},
    "an unknown algorithm": {"register": "codes", "codes": [["md5", *CODE[1:]]], "radius": 9,
                             "most": 1},
    "an infinite radius": {"register": "codes", "codes": [CODE], "radius": float("inf"), "most": 1},
    "a radius that is text": {"register": "codes", "codes": [CODE], "radius": "9", "most": 1},
    "too many codes": {"register": "codes", "codes": [CODE] * (CODES_AT_ONCE + 1), "radius": 9,
                       "most": 1},
    "features that are none": {"register": "features", "features": "AAAA", "mirrored": False,
                               "most": 1},
    "features beyond measure": {"register": "features", "features": "A" * 2**21,
                                "mirrored": False, "most": 1},
    "features that are no base64": {"register": "features", "features": "*", "mirrored": 0,
                                    "most": 1},
    "an owner that is a fraction": {"register": "picture", "owner": 1.5},
    "an owner that is true": {"register": "frames", "owner": True},
    "owners that are none": {"register": "owners", "owners": [None]},
    "a lone surrogate": {"register": "files", "sha256": "\ud800"},
}  # fmt: skip


@pytest.mark.parametrize("what", MEANINGLESS)
def test_a_question_that_means_nothing_is_refused(searched: SearchedRegister, what: str) -> None:
    asked = json.loads(json.dumps({"at": NOW.isoformat(), **MEANINGLESS[what]}))
    desk = searched.desk()
    answer = desk.answer(asked)
    assert list(answer) == ["refused"], answer
    # And the next one is answered.
    good = {"register": "files", "at": NOW.isoformat(), "sha256": digest_of("public")}
    assert len(desk.answer(good)["answer"]) == 1


@pytest.mark.parametrize(
    "question",
    [
        {"register": "owners", "owners": [10**30, -1, 2**63]},
        {"register": "picture", "owner": 10**30},
        {"register": "frames", "owner": -(10**30)},
        {"register": "sound", "owner": 2**64},
        {"register": "codes", "codes": [CODE], "radius": -5, "most": 10**30},
        {"register": "manifests-for-binding", "algorithm": "io.iscc.v0", "value": "x",
         "most": 10**30},
    ],
    ids=lambda question: question["register"],
)  # fmt: skip
def test_huge_numbers_lead_to_nothing(searched: SearchedRegister, question: Any) -> None:
    answer = searched.desk().answer({"at": NOW.isoformat(), **question})
    assert answer in ({"answer": []}, {"answer": None}), answer


@pytest.mark.parametrize("at", [NOW, UNTIL, UNTIL + timedelta(days=9)])
def test_what_is_under_embargo_is_not_had_by_its_number(
    searched: SearchedRegister, at: datetime
) -> None:
    """Whatever time a worker says it is, and whatever it asks for."""
    desk = searched.desk()

    def ask(**question: Any) -> Any:
        return desk.answer({"at": at.isoformat(), **question})["answer"]

    owners = list(range(20))
    assert {file["sha256"] for _, file in ask(register="owners", owners=owners)} == {
        digest_of("public"), digest_of("bound"),
    }  # fmt: skip
    hidden = jpeg(5)
    codes = fingerprint_media(io.BytesIO(hidden), JPEG).codes
    asked = [[c.algorithm.value, _base64(c.bits), c.view, c.quality, c.at_ms] for c in codes]
    near = {hit[1] for hit in ask(register="codes", codes=asked, radius=0, most=100)}
    pictures = [owner for owner in owners if ask(register="picture", owner=owner)]
    assert near == set()
    # The other one is of a file that only has a name for a picture.
    assert len(pictures) == 2
    assert ask(register="files", sha256=digest_of("hidden")) == []


def test_no_question_looks_further_than_ours_do(searched: SearchedRegister) -> None:
    """Who may ask with any radius is told every code there is."""
    code = Code(algorithm=Algorithm.PDQ, bits=bytes(32))
    asked = [[code.algorithm.value, _base64(code.bits), code.view, code.quality, None]]
    answer = searched.desk().answer(
        {"register": "codes", "at": NOW.isoformat(), "codes": asked, "radius": 256, "most": 10**6}
    )["answer"]
    assert all(distance <= 90 for _, _, distance, _ in answer)


def test_a_register_that_breaks_is_said_to_and_nothing_else(
    tmp_path: Path, agency_signer: MemorySigner
) -> None:
    place = tmp_path / "register.db"
    with Register(place) as register:
        register.take(Desk(agency_signer).release("NOVA9-1", "a"), at=NOW)
    opened = SearchedRegister(Register(place, read_only=True), clock=lambda: NOW)
    with opened, relayed(opened.desk()) as relay:
        assert relay.files(digest_of("a"), at=NOW)
        break_register(place)
        questions: list[Callable[[], Any]] = [
            lambda: relay.files(digest_of("a"), at=NOW),
            lambda: relay.resembling(io.BytesIO(jpeg(3)), JPEG, at=NOW),
        ]
        for question in questions:
            with pytest.raises(RegisterError, match="register"):
                question()


def _base64(data: bytes) -> str:

    return base64.b64encode(data).decode()


def test_one_file_has_so_many_codes_looked_for_and_no_more(
    searched: SearchedRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs its parent a scan of the register, and a worker may be in a file's hands."""
    monkeypatch.setattr("provenance.runtime.workers.register_desk._MOST_CODES", 10)
    monkeypatch.setattr("provenance.runtime.workers.register_desk._MOST_FEATURES", 1)
    desk = searched.desk()

    def ask(count: int) -> dict[str, Any]:
        question = {"register": "codes", "codes": [CODE] * count, "radius": 9, "most": 1}
        return desk.answer({"at": NOW.isoformat(), **question})

    def near() -> dict[str, Any]:
        question = {"register": "manifests-for-binding", "algorithm": "io.iscc.v0", "value": ISCC}
        return desk.answer({"at": NOW.isoformat(), "most": 1, **question})

    def features() -> dict[str, Any]:
        packed = base64.b64encode(query_features(photo(3, size=(480, 320))).to_bytes()).decode()
        question = {"register": "features", "features": packed, "mirrored": False, "most": 1}
        return desk.answer({"at": NOW.isoformat(), **question})

    assert "answer" in ask(8)
    assert "answer" in near()
    assert ask(2) == {"refused": "register: expected 10 codes of one file at most"}
    assert "answer" in ask(1)
    assert "refused" in near()
    assert "answer" in features()
    assert "refused" in features()
    # The next file has as many again.
    desk = searched.desk()
    assert "answer" in ask(10)
    assert "answer" in features()


def test_a_look_stops_where_nobody_waits_for_it(searched: SearchedRegister) -> None:
    question = {"register": "codes", "codes": [CODE] * 1_000, "radius": 9, "most": 1}
    asked = {"at": NOW.isoformat(), **question}
    times = iter([True, True, False])
    gone = searched.desk().answer(asked, wanted=lambda: next(times))
    assert gone == {"refused": "register: whoever asked is gone, or has no more time"}
    assert next(times, "over") == "over"
    assert "answer" in searched.desk().answer(asked, wanted=lambda: True)


def test_a_parent_sees_that_a_worker_is_gone() -> None:
    here, there = socket.socketpair()
    parent, worker = Channel(here), Channel(there)
    worker.send(b"the last words")
    assert not parent.is_hung_up()
    worker.close()
    assert parent.is_hung_up()
    assert parent.receive()[0] == b"the last words"
    parent.close()
