from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from provenance.errors import RegisterError
from provenance.fingerprints.video import fingerprint_video
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.leaf import sign_statement
from provenance.registry.log.statement import (
    KeyChange,
    KeyEvent,
    ReleaseFile,
)
from provenance.registry.log.statement import (
    Register as RegisterStatement,
)
from provenance.registry.register.exporting import export_register
from provenance.registry.register.records import Change, FileFacts
from provenance.registry.register.register import Register
from provenance.registry.register.stating import StatedFile
from provenance.registry.register.view import RegisterView
from provenance.signing.dev_agency import create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import ReleaseState
from provenance.verification.register import ReleaseRegister
from tests.factory import pki
from tests.factory.clips import lasting
from tests.factory.registers import AGENCY, AT, ISCC, Desk, alike, digest_of, stated_file

DAY = timedelta(days=1)
NOW = AT + 10 * DAY
AGES = (2**30, 1, 2**32 - 1)


def public(register: Register) -> RegisterView:
    return register.view(clock=lambda: NOW)


def put(register: Register, *changes: Change) -> None:
    register.take(changes, at=AT + timedelta(hours=1))


def test_a_view_is_what_the_verifier_asks(register: Register) -> None:
    view: ReleaseRegister = public(register)
    assert view.files(digest_of("a"), at=NOW) == ()
    assert view.name == register.name


def test_a_registered_file_is_found_by_its_bytes(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1"))
    (found,) = public(register).files(digest_of("NOVA9-1"), at=NOW)
    assert (found.media_type, found.rendition_of) == ("image/jpeg", None)
    release = found.release
    assert (release.agency, release.release) == (AGENCY, "NOVA9-1")
    assert release.title == {"en": "NOVA9-1", "ko": "NOVA9-1 사진"}
    assert release.channels == ("https://aurora.example",)
    assert (release.state, release.reason, release.replaced_by) == ("current", None, None)
    assert release.first_stated_at == release.changed_at == AT + timedelta(minutes=1)
    assert release.log is None


def test_manifests_are_kept_for_bytes_labels_and_bindings(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    label, data = store
    put(register, *desk.release("NOVA9-1", stated_file("a", store=store, iscc=ISCC)))
    view = public(register)
    (found,) = view.manifests_for_bytes(digest_of("a"), at=NOW)
    assert (found.label, found.store, found.file.sha256) == (label, data, digest_of("a"))
    assert view.manifests(label, at=NOW) == (found,)
    (file,) = view.files_of_manifest(label, at=NOW)
    assert file == found.file
    (match,) = view.manifests_for_binding("io.iscc.v0", ISCC, at=NOW)
    assert (match.manifest, match.distance) == (found, 0)
    assert view.manifests_for_binding("io.iscc.v0", ISCC[:-1] + "A", at=NOW) == ()


def test_near_bindings_are_found_by_a_search(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    put(register, *desk.release("NOVA9-1", stated_file("a", store=store, iscc=ISCC)))
    (owned,) = register.codes.codes_since().added

    class Search:
        def nearest(
            self, algorithm: object, bits: bytes, *, radius: int, most: int
        ) -> list[tuple[int, int]]:
            assert (algorithm, len(bits), radius) == ("iscc-image", 32, 64)
            assert most > 1
            return [(owned.owner + 99, 1), (owned.owner, 7)]

    view = register.view(clock=lambda: NOW, search=Search())
    near = ISCC[:-2] + "CA"
    (match,) = view.manifests_for_binding("io.iscc.v0", near, at=NOW)
    assert (match.distance, match.manifest.file.sha256) == (7, digest_of("a"))


def test_renditions_are_told_from_originals(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1", "a", stated_file("b", rendition_of="a")))
    put(register, *desk.release("NOVA9-1", stated_file("c", rendition_of="a")))
    for name in ("b", "c"):
        (found,) = public(register).files(digest_of(name), at=NOW)
        assert found.rendition_of == digest_of("a")
    files = public(register).files_of_release(AGENCY, "NOVA9-1", at=NOW)
    assert [file.sha256 for file in files] == [digest_of(name) for name in "abc"]


def test_a_withdrawal_is_final(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1"), *desk.release("NOVA9-2"))
    put(register, desk.withdraw("NOVA9-1"))
    (found,) = public(register).files(digest_of("NOVA9-1"), at=NOW)
    assert (found.release.state, found.release.reason) == (ReleaseState.WITHDRAWN, "rights")
    assert found.release.changed_at == desk.at
    for change in (
        desk.withdraw("NOVA9-1"),
        desk.supersede("NOVA9-1", "NOVA9-2"),
        *desk.release("NOVA9-1", "more"),
    ):
        with pytest.raises(RegisterError, match="NOVA9-1 is withdrawn, which is final"):
            put(register, change)


def test_a_superseded_release_names_the_newer_one(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1"), *desk.release("NOVA9-2"), *desk.release("NOVA9-3"))
    put(register, desk.supersede("NOVA9-1", "NOVA9-2"), desk.supersede("NOVA9-2", "NOVA9-3"))
    (found,) = public(register).files(digest_of("NOVA9-1"), at=NOW)
    assert (found.release.state, found.release.replaced_by) == ("superseded", "NOVA9-2")
    with pytest.raises(RegisterError, match="NOVA9-1 is NOVA9-3, or was itself superseded by it"):
        put(register, desk.supersede("NOVA9-3", "NOVA9-1"))
    with pytest.raises(RegisterError, match="or was itself superseded"):
        put(register, desk.supersede("NOVA9-3", "NOVA9-3"))
    put(register, desk.withdraw("NOVA9-1"))
    (found,) = public(register).files(digest_of("NOVA9-1"), at=NOW)
    assert (found.release.state, found.release.replaced_by) == ("withdrawn", "NOVA9-2")


def test_a_release_stands_as_it_stood_at_the_time_asked(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1"))
    first = desk.at
    put(register, desk.withdraw("NOVA9-1"))
    view = public(register)
    digest = digest_of("NOVA9-1")
    assert view.files(digest, at=first - timedelta(seconds=1)) == ()
    assert view.files(digest, at=first)[0].release.state is ReleaseState.CURRENT
    assert view.files(digest, at=desk.at)[0].release.state is ReleaseState.WITHDRAWN


def test_a_clock_that_is_ahead_does_not_delay_a_withdrawal(register: Register, desk: Desk) -> None:
    register.take(desk.release("NOVA9-1"), at=AT + timedelta(minutes=1))
    desk.at += timedelta(minutes=3)
    taken = AT + timedelta(minutes=2)
    register.take([desk.withdraw("NOVA9-1")], at=taken)
    (found,) = register.view(clock=lambda: taken).files(digest_of("NOVA9-1"), at=taken)
    assert found.release.state is ReleaseState.WITHDRAWN


def test_no_two_releases_are_newer_than_each_other(register: Register, desk: Desk) -> None:
    """Nor for somebody who does not hear of the newest yet."""
    put(register, *desk.release("NOVA9-1"), *desk.release("NOVA9-2"))
    put(register, *desk.release("NOVA9-3", embargo_until=NOW + DAY))
    put(register, desk.supersede("NOVA9-1", "NOVA9-2"), desk.supersede("NOVA9-1", "NOVA9-3"))
    with pytest.raises(RegisterError, match="NOVA9-1 is NOVA9-2, or was itself superseded by it"):
        put(register, desk.supersede("NOVA9-2", "NOVA9-1"))
    put(register, desk.supersede("NOVA9-2", "NOVA9-3"))
    found = [public(register).release(AGENCY, name, at=NOW) for name in ("NOVA9-1", "NOVA9-2")]
    assert [release and release.replaced_by for release in found] == ["NOVA9-2", None]


@pytest.mark.parametrize("verb", ["withdraw", "supersede", "newer"])
def test_unknown_releases_are_refused(register: Register, desk: Desk, verb: str) -> None:
    put(register, *desk.release("NOVA9-1"))
    change = {
        "withdraw": lambda: desk.withdraw("NOVA9-7"),
        "supersede": lambda: desk.supersede("NOVA9-7", "NOVA9-1"),
        "newer": lambda: desk.supersede("NOVA9-1", "NOVA9-7"),
    }[verb]()
    with pytest.raises(RegisterError, match="there is no release 'NOVA9-7' of aurora-enter"):
        put(register, change)


def test_what_is_there_already_is_refused_or_passed_over(register: Register, desk: Desk) -> None:
    changes = desk.release("NOVA9-1")
    put(register, *changes)
    with pytest.raises(RegisterError, match="NOVA9-1: is in the register already, change 1"):
        put(register, *changes)
    done = register.take([*changes, *desk.release("NOVA9-2")], at=NOW, skip_known=True)
    assert (done.numbers, done.added) == ((1, 2), 1)
    twice = desk.release("NOVA9-3")
    assert register.take(twice * 2, at=NOW, skip_known=True).added == 1


def test_all_changes_are_taken_or_none(register: Register, desk: Desk) -> None:
    with pytest.raises(RegisterError, match="no release 'NOVA9-9'"):
        put(register, *desk.release("NOVA9-1"), desk.withdraw("NOVA9-9"))
    assert public(register).count(at=NOW) == 0
    assert register.codes.codes_since().added == ()
    assert register.take(desk.release("NOVA9-2"), at=AT + timedelta(hours=1)).numbers == (1,)


def test_a_clock_that_goes_back_is_refused(register: Register, desk: Desk) -> None:
    register.take(desk.release("NOVA9-1"), at=AT + timedelta(hours=2))
    with pytest.raises(RegisterError, match="the clock has gone back: it says 2026-05-01T13:00"):
        register.take(desk.release("NOVA9-2"), at=AT + timedelta(hours=1))
    # A clock that was set by a few seconds is no reason to stop.
    register.take(desk.release("NOVA9-3"), at=AT + timedelta(hours=2, seconds=-4))


def test_a_register_goes_on_after_a_clock_that_was_a_year_ahead(
    register: Register, desk: Desk
) -> None:
    ahead = AT + timedelta(days=365)
    register.take(desk.release("NOVA9-1"), at=ahead)
    with pytest.raises(RegisterError, match="register wrong-time --time 2027-05-01T12:00:00"):
        register.take(desk.release("NOVA9-2"), at=NOW)
    with pytest.raises(RegisterError, match="expected when the last change was taken, 2027-05-01"):
        register.correct_clock(NOW, now=NOW)
    with pytest.raises(RegisterError, match="has come; nothing to be done"):
        register.correct_clock(ahead, now=ahead)
    register.correct_clock(ahead, now=NOW)
    register.take(desk.release("NOVA9-2"), at=NOW)
    assert public(register).count(at=NOW) == 2
    # From there on it goes forward as ever.
    with pytest.raises(RegisterError, match="the clock has gone back"):
        register.take(desk.release("NOVA9-3"), at=NOW - timedelta(minutes=1))


def test_a_statement_before_the_last_one_is_refused(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1"))
    desk.at -= timedelta(minutes=5)
    with pytest.raises(RegisterError, match="before the last statement about this release"):
        put(register, desk.withdraw("NOVA9-1"))
    # Another release has an order of its own.
    put(register, *desk.release("NOVA9-2"))


def test_a_statement_from_the_future_is_refused(register: Register, desk: Desk) -> None:
    desk.at += timedelta(minutes=6)
    with pytest.raises(RegisterError, match="is claimed for 2026-05-01T12:07:00"):
        register.take(desk.release("NOVA9-1"), at=AT)


def test_another_agencys_key_registers_nothing(register: Register) -> None:
    """The twin, the same statement by the agency's own key, is taken."""
    other = create_dev_agency(
        name="Borealis", name_ko="보레알리스", organization="Borealis", artists=["NOVA9"],
        at=pki.NOT_BEFORE, validity_days=19 * 365, authority_validity_days=20 * 365,
    )  # fmt: skip
    with pytest.raises(RegisterError, match=f"key {other.leaf_spki_sha256} is not one of {AGENCY}"):
        put(register, *Desk(other.signer()).release("NOVA9-1"))
    assert public(register).count(at=NOW) == 0


def test_an_edited_statement_is_refused(register: Register, desk: Desk) -> None:
    (good,) = desk.release("NOVA9-1")
    statement = good.signed.statement
    assert isinstance(statement, RegisterStatement)
    edited = statement.model_copy(update={"release": "NOVA9-2"})
    signed = type(good.signed)(edited, good.signed.cose, good.signed.sign1)
    with pytest.raises(RegisterError, match="the agency's signature: "):
        put(register, Change(signed=signed, facts=good.facts))
    put(register, good)


def test_without_a_directory_signatures_alone_are_checked(
    opened: Callable[..., Register], desk: Desk
) -> None:
    register = opened(agencies=AgencyChecker(None))
    (good,) = desk.release("NOVA9-1")
    edited = good.signed.statement.model_copy(update={"agency": "other"})
    signed = type(good.signed)(edited, good.signed.cose, good.signed.sign1)
    with pytest.raises(RegisterError, match="the agency's signature does not verify"):
        put(register, Change(signed=signed, facts=good.facts))
    put(register, good)


def test_a_statement_for_a_log_alone_is_refused(
    register: Register, agency_signer: MemorySigner
) -> None:
    event = KeyChange(agency=AGENCY, claimed_at=AT, event=KeyEvent.INTRODUCE, spki_sha256="00" * 32)
    with pytest.raises(RegisterError, match="got 'key', which belongs to a log alone"):
        put(register, Change(signed=sign_statement(event, agency_signer)))


def test_a_rendition_of_nothing_is_refused(register: Register, desk: Desk) -> None:
    with pytest.raises(RegisterError, match="which is no registered file of aurora"):
        put(register, *desk.release("NOVA9-1", stated_file("b", rendition_of="a")))


def facts_of(change: Change, **facts: object) -> Change:
    (old,) = change.facts
    values = {"sha256": old.sha256, "manifest": old.manifest, **facts}
    return Change(signed=change.signed, facts=(FileFacts(**values),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"manifest": None}, "is stated, and not handed over"),
        ({"manifest": b"edited"}, "manifest of .*: expected .*, got "),
        ({"sha256": "00" * 32}, "about a file it does not state"),
    ],
)
def test_what_is_handed_over_is_what_is_stated(
    register: Register, desk: Desk, store: tuple[str, bytes], facts: dict[str, object], why: str
) -> None:
    (good,) = desk.release("NOVA9-1", stated_file("a", store=store))
    with pytest.raises(RegisterError, match=why):
        put(register, facts_of(good, **facts))
    put(register, good)


def test_a_manifest_of_another_label_is_refused(
    register: Register, desk: Desk, store: tuple[str, bytes]
) -> None:
    _, data = store
    wrong = stated_file("a", store=("urn:c2pa:other", data))
    with pytest.raises(RegisterError, match="expected urn:c2pa:other, got urn:"):
        put(register, *desk.release("NOVA9-1", wrong))
    put(register, *desk.release("NOVA9-1", stated_file("a", store=store)))
    # It is known by now, and not handed over again.
    file = StatedFile(file=wrong.file, facts=FileFacts(sha256=wrong.file.sha256))
    with pytest.raises(RegisterError, match=r"expected the label urn:.*, got urn:c2pa:other"):
        put(register, *desk.release("NOVA9-2", file))


def test_releases_are_listed_in_order(register: Register, desk: Desk) -> None:
    for number in range(9):
        put(register, *desk.release(f"NOVA9-{number}"))
    view = public(register)
    names = [release.release for release in view.releases(at=NOW)]
    assert names == [f"NOVA9-{number}" for number in range(9)]
    rest = view.releases(at=NOW, after=(AGENCY, "NOVA9-6"))
    assert [release.release for release in rest] == ["NOVA9-7", "NOVA9-8"]
    assert view.releases(at=NOW, agency="nobody") == ()
    assert view.count(at=NOW) == 9
    found = view.release(AGENCY, "NOVA9-3", at=NOW)
    assert found is not None
    assert view.release(AGENCY, "NOVA9-33", at=NOW) is None


def test_a_release_in_several_statements(register: Register, desk: Desk) -> None:
    files = [f"file {number}" for number in range(40)]
    changes = desk.release("NOVA9-1", *files)
    assert len(changes) > 1
    put(register, *changes)
    found = public(register).files_of_release(AGENCY, "NOVA9-1", at=NOW)
    assert [file.sha256 for file in found] == [digest_of(name) for name in files]


def test_read_only_writes_nothing(opened: Callable[..., Register], desk: Desk) -> None:
    opened().take(desk.release("NOVA9-1"), at=AT)
    reader = opened(read_only=True)
    assert public(reader).count(at=NOW) == 1
    with pytest.raises(RegisterError, match="was opened for reading only"):
        reader.take(desk.release("NOVA9-2"), at=AT)


def test_the_time_of_a_file_stated_twice_is_the_first(register: Register, desk: Desk) -> None:
    put(register, *desk.release("NOVA9-1", "a"))
    first = desk.at
    put(register, *desk.release("NOVA9-1", "a"))
    (found,) = public(register).files(digest_of("a"), at=NOW)
    assert found.release.first_stated_at == first


def test_a_media_type_alone_is_enough(register: Register, desk: Desk) -> None:
    put(register, desk.plain("NOVA9-1"))
    (found,) = public(register).files(digest_of("NOVA9-1"), at=NOW)
    assert (found.release.title, found.release.channels) == ({}, ())
    assert isinstance(desk.plain("x").signed.statement, RegisterStatement)
    assert ReleaseFile.model_fields["rendition_of"].default is None


@pytest.mark.parametrize(("video", "kept"), [(AGES, None), ((1, 12, 3), 250)])
def test_a_video_that_says_it_lasts_for_ages_is_taken_in(
    register: Register, desk: Desk, video: tuple[int, int, int], kept: int | None
) -> None:
    """More milliseconds than the database has room for, or an export may hold."""
    made = fingerprint_video(io.BytesIO(lasting(*video)))
    assert made.codes
    register.take(desk.release("NOVA9-1", alike("teaser", made)), at=AT)
    out = io.BytesIO()
    export_register(register.database, out)
    (line,) = [json.loads(one)["file"] for one in out.getvalue().splitlines() if b'"file"' in one]
    assert line.get("duration_ms") == kept
