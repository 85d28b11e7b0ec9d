"""What is under embargo is in no answer of a search: it is as if it were not there."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from provenance.fingerprints.model import Algorithm, Code, MediaFingerprint
from provenance.media.sniff import sniff_stream
from provenance.registry.register.iscc import parse_iscc_unit
from provenance.registry.register.register import Register
from provenance.registry.register.stating import StatedFile
from provenance.registry.search.reader import LocalSearch
from provenance.runtime.register_search import SearchedRegister
from provenance.verification.register import ResemblanceAnswer
from tests.factory.registers import AGENCY, AT, ISCC, Desk, Kinds, alike, stated_file

NOW = AT + timedelta(hours=1)
UNTIL = AT + timedelta(days=7)
KINDS = pytest.mark.parametrize("kind", ["picture", "video", "sound"])


def ask(
    register: Register, data: bytes, *, agency: str | None = None, now: datetime = NOW
) -> ResemblanceAnswer:
    media_format = sniff_stream(io.BytesIO(data), len(data))
    assert media_format is not None
    search = SearchedRegister(register, agency=agency, clock=lambda: now)
    return search.view.resembling(io.BytesIO(data), media_format, at=now)


@KINDS
def test_an_entry_under_embargo_is_as_if_it_were_not_there(
    opened: Callable[[str], Register], desk: Desk, kinds: Kinds, kind: str
) -> None:
    data, fingerprint = kinds[kind]
    others = [desk.release(f"NOVA9-{name}", f"public {name}") for name in "ab"]
    hidden = desk.release("NOVA9-9", alike("hidden", fingerprint), embargo_until=UNTIL)
    without, with_it = opened("without"), opened("with")
    for changes in others:
        without.take(changes, at=NOW)
        with_it.take(changes, at=NOW)
    with_it.take(hidden, at=NOW)
    assert ask(with_it, data) == ask(without, data)
    assert ask(with_it, data).matches == ()
    assert ask(with_it, data, agency="borealis") == ask(without, data)
    # Its agency sees it, and so does everybody once the embargo is over.
    for answer in (ask(with_it, data, agency=AGENCY), ask(with_it, data, now=UNTIL)):
        (match,) = answer.matches
        assert match.file.release.release == "NOVA9-9"


@KINDS
def test_a_public_entry_is_found_among_hidden_ones_that_are_nearer(
    opened: Callable[[str], Register], desk: Desk, kinds: Kinds, kind: str
) -> None:
    data, fingerprint = kinds[kind]
    without, with_it = opened("without"), opened("with")
    public = desk.release("NOVA9-1", alike("public", fingerprint))
    hidden = desk.release(
        "NOVA9-9", *(alike(f"hidden {n}", fingerprint) for n in range(3)), embargo_until=UNTIL
    )
    with_it.take(hidden, at=NOW)
    for register in (without, with_it):
        register.take(public, at=NOW)
    assert ask(with_it, data) == ask(without, data)
    (match,) = ask(with_it, data).matches
    assert match.file.release.release == "NOVA9-1"


def test_hidden_codes_take_nobodys_place(register: Register, desk: Desk) -> None:
    """More hidden codes are nearer than are asked for; the public ones are still found."""
    asked = Code(algorithm=Algorithm.PDQ, bits=bytes(32))

    def file(name: str, distance: int) -> object:
        bits = ((1 << distance) - 1).to_bytes(32)
        code = Code(algorithm=Algorithm.PDQ, bits=bits, quality=100)
        return alike(name, MediaFingerprint(codes=(code,)))

    hidden = [file(f"hidden {n}", 1) for n in range(50)]
    register.take(desk.release("NOVA9-9", *hidden, embargo_until=UNTIL), at=NOW)  # type: ignore[arg-type]
    public = [file(f"public {n}", 2 + n) for n in range(5)]
    register.take(desk.release("NOVA9-1", *public), at=NOW)  # type: ignore[arg-type]
    searched = SearchedRegister(register, clock=lambda: NOW)
    searched.projection.update()
    search = LocalSearch(searched.projection, searched.view, NOW)
    hits = search.codes.search([asked, asked], radius=90, most=3)
    assert [(hit.query, hit.distance) for hit in hits] == [
        (0, 2), (1, 2), (0, 3), (1, 3), (0, 4), (1, 4),
    ]  # fmt: skip
    assert len(search.codes.search([asked], radius=90, most=100)) == 5


@KINDS
def test_by_number_nothing_hidden_is_had_either(
    register: Register, desk: Desk, kinds: Kinds, kind: str
) -> None:
    fingerprint = kinds[kind][1]
    hidden = desk.release("NOVA9-9", alike("hidden", fingerprint), embargo_until=UNTIL)
    register.take(hidden, at=NOW)
    (owned,) = register.codes.codes_since().added

    def had(now: datetime) -> list[Any]:
        searched = SearchedRegister(register, clock=lambda: now)
        searched.projection.update()
        search = LocalSearch(searched.projection, searched.view, now)
        codes = [code for column in owned.columns for code in column.codes()]
        return [
            search.codes.search(codes, radius=256),
            list(search.timelines.frames(owned.owner)),
            search.timelines.sound(owned.owner),
            search.picture(owned.owner),
            search.sound_reference(owned.owner),
            search.files([owned.owner]),
        ]

    assert had(NOW) == [[], [], None, None, None, {}]
    after = had(UNTIL)
    assert after[0]
    kept = {"picture": after[3], "video": after[1], "sound": after[4]}
    assert kept[kind]


def test_a_soft_binding_leads_to_nothing_hidden_and_past_it(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    hidden = stated_file("hidden", store=store, iscc=ISCC)
    register.take(desk.release("NOVA9-9", hidden, embargo_until=UNTIL), at=NOW)
    before = SearchedRegister(register, clock=lambda: NOW).view
    assert before.manifests_for_binding("io.iscc.v0", ISCC, at=NOW) == ()
    after = SearchedRegister(register, clock=lambda: UNTIL).view
    assert after.manifests_for_binding("io.iscc.v0", ISCC, at=UNTIL)


def test_hidden_soft_bindings_take_nobodys_place(
    register: Register, desk: Desk, store: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.registry.register.view._MOST_CANDIDATES", 2)
    unit = parse_iscc_unit(ISCC)
    assert unit is not None
    algorithm, bits = unit

    def near(file: StatedFile, distance: int) -> StatedFile:
        other = (int.from_bytes(bits) ^ ((1 << distance) - 1)).to_bytes(32)
        made = MediaFingerprint(codes=(Code(algorithm=algorithm, bits=other),))
        return replace(file, facts=replace(file.facts, fingerprint=made))

    hidden = [near(stated_file(f"hidden {n}"), 1) for n in range(20)]
    register.take(desk.release("NOVA9-9", *hidden, embargo_until=UNTIL), at=NOW)
    public = near(stated_file("public", store=store), 5)
    register.take(desk.release("NOVA9-1", public), at=NOW)
    view = SearchedRegister(register, clock=lambda: NOW).view
    (match,) = view.manifests_for_binding("io.iscc.v0", ISCC, at=NOW, most=1)
    assert (match.distance, match.manifest.label) == (5, store[0])


@pytest.mark.parametrize("cut", [0, 1])
def test_a_track_of_which_nothing_readable_is_kept_hides_no_other(
    register: Register, desk: Desk, kinds: Kinds, cut: int
) -> None:
    data, made = kinds["sound"]
    kept = [replace(r, data=r.data[: len(r.data) - cut]) for r in made.references]
    damaged = alike("damaged", replace(made, references=tuple(kept)))
    register.take(desk.release("NOVA9-1", damaged), at=NOW)
    register.take(desk.release("NOVA9-2", alike("whole", made)), at=NOW)
    answer = ask(register, data)
    assert answer.not_run is None
    found = {match.file.release.release for match in answer.matches}
    assert found == ({"NOVA9-2"} if cut else {"NOVA9-1", "NOVA9-2"})


def test_a_reader_adds_and_removes_nothing(register: Register) -> None:
    searched = SearchedRegister(register, clock=lambda: NOW)
    search = LocalSearch(searched.projection, searched.view, NOW)
    for asked in (search.codes, search.features, search.timelines):
        assert {name for name in dir(asked) if name in {"add", "remove", "replace"}} == set()
