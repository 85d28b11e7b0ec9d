from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import insert

from provenance.errors import RegisterError
from provenance.registry.register.bindings import BindingDesk
from provenance.registry.register.register import Register
from provenance.registry.register.schema import MANIFEST, STORER
from tests.factory.registers import AGENCY, AT, ISCC, Desk, stated_file

NOW = AT + timedelta(hours=1)
WATERMARK = "com.example.watermark"


def own(register: Register, agency: str | None = AGENCY) -> BindingDesk:
    return register.bindings(agency, clock=lambda: NOW)


def test_a_manifest_is_stored_and_fetched(register: Register, store: tuple[str, bytes]) -> None:
    label, data = store
    kept = own(register).store(data)
    assert own(register).store(data) == kept
    assert own(register, None).manifests(label) == (kept,)
    assert (kept.label, kept.store) == (label, data)
    # Nobody has stated it, so the verifier is not told of it.
    assert register.view(clock=lambda: NOW).manifests(label, at=NOW) == ()
    with pytest.raises(RegisterError, match="expected a manifest store"):
        own(register).store(b"nothing")


def test_bindings_are_added_repointed_and_taken_out(
    register: Register, store: tuple[str, bytes], other_store: tuple[str, bytes]
) -> None:
    desk = own(register)
    old, new = desk.store(store[1]), desk.store(other_store[1])
    desk.bind(WATERMARK, "17", old.sha256)
    desk.bind(WATERMARK, "17", old.sha256)
    (found,) = own(register, None).find(WATERMARK, "17")
    assert (found.label, found.stated, found.manifest_sha256) == (old.label, False, old.sha256)
    assert own(register, None).bindings_of(old.label) == (found,)
    desk.repoint(WATERMARK, "17", old.sha256, new.sha256)
    (found,) = desk.find(WATERMARK, "17")
    assert found.label == new.label
    desk.unbind(WATERMARK, "17", new.sha256)
    assert desk.find(WATERMARK, "17") == ()
    with pytest.raises(RegisterError, match="there is no soft binding"):
        desk.unbind(WATERMARK, "17", new.sha256)
    with pytest.raises(RegisterError, match="expected 1 to 4096 characters"):
        desk.bind(WATERMARK, "", new.sha256)


def test_an_agency_takes_out_what_it_stored_and_nothing_else(
    register: Register, desk: Desk, store: tuple[str, bytes], other_store: tuple[str, bytes]
) -> None:
    kept = own(register).store(store[1])
    own(register).bind(WATERMARK, "17", kept.sha256)
    assert not own(register, "borealis").remove(kept.label)
    assert own(register).remove(kept.label)
    assert own(register, None).manifests(kept.label) == ()
    assert own(register, None).find(WATERMARK, "17") == ()
    assert not own(register).remove(kept.label)
    # Once a signed statement refers to it, it stays.
    again = own(register).store(other_store[1])
    register.take(desk.release("NOVA9-2", stated_file("b", store=other_store)), at=NOW)
    assert not own(register).remove(again.label)
    assert own(register, None).manifests(again.label) == (again,)


def test_nobody_elses_manifest_stands_before_the_one_that_was_stated(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    """A label is the writer's choice: another agency could store many under it."""
    label, data = store
    for number in range(20):
        with register.database.writing() as connection:
            digest = sha256(b"%d" % number).hexdigest()
            connection.execute(
                insert(MANIFEST).values(sha256=digest, label=label, store=b"%d" % number)
            )
            connection.execute(insert(STORER).values(manifest_sha256=digest, agency="borealis"))
    kept = sha256(data).hexdigest()
    assert own(register, None).manifests(label)[0].sha256 != kept
    register.take(desk.release("NOVA9-1", stated_file("a", store=store)), at=NOW)
    assert own(register, None).manifests(label)[0].sha256 == kept
    assert own(register).manifests(label)[0].sha256 == kept
    # Who changes what is its own finds its own.
    assert own(register, "borealis").manifests(label)[0].sha256 != kept


def test_an_agency_finds_what_it_stored_before_what_others_did(
    register: Register, store: tuple[str, bytes]
) -> None:
    label, data = store
    for number in range(20):
        with register.database.writing() as connection:
            digest = sha256(b"%d" % number).hexdigest()
            connection.execute(
                insert(MANIFEST).values(sha256=digest, label=label, store=b"%d" % number)
            )
            connection.execute(insert(STORER).values(manifest_sha256=digest, agency="borealis"))
    kept = own(register).store(data)
    assert own(register).manifests(label)[0] == kept
    assert own(register, "borealis").manifests(label)[0] != kept


def test_what_was_stated_stays(register: Register, desk: Desk, store: tuple[str, bytes]) -> None:
    register.take(desk.release("NOVA9-1", stated_file("a", store=store, iscc=ISCC)), at=NOW)
    (found,) = own(register).find("io.iscc.v0", ISCC)
    assert found.stated
    with pytest.raises(RegisterError, match="follows from a signed statement, and stays"):
        own(register).unbind("io.iscc.v0", ISCC, found.manifest_sha256)
    # Another way to the same manifest may be added by its agency, and by nobody else.
    own(register).bind(WATERMARK, "17", found.manifest_sha256)
    (match,) = register.view(clock=lambda: NOW).manifests_for_binding(WATERMARK, "17", at=NOW)
    assert match.manifest.label == found.label
    with pytest.raises(RegisterError, match=r"there is no manifest .* of borealis"):
        own(register, "borealis").bind(WATERMARK, "18", found.manifest_sha256)
    with pytest.raises(RegisterError, match=r"there is no manifest .* of borealis"):
        own(register, "borealis").unbind(WATERMARK, "17", found.manifest_sha256)


def test_everybody_changes_nothing(register: Register, store: tuple[str, bytes]) -> None:
    desk = own(register, None)
    for attempt in (
        lambda: desk.store(store[1]),
        lambda: desk.bind(WATERMARK, "1", "00" * 32),
        lambda: desk.unbind(WATERMARK, "1", "00" * 32),
        lambda: desk.repoint(WATERMARK, "1", "00" * 32, "11" * 32),
    ):
        with pytest.raises(RegisterError, match="only an agency changes them"):
            attempt()
