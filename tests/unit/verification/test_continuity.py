from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.report import (
    DirectoryRef,
    EngineRef,
    Identity,
    Integrity,
    PolicyRef,
    RegisterRef,
    Report,
    Revocation,
    Signer,
    TrustListRef,
    finding,
)
from provenance.signing.dev_agency import DevAgency
from provenance.verdict import (
    Axis,
    ConsentState,
    IntegrityState,
    RevocationState,
    SignerKind,
    Verdict,
)
from provenance.verification.continuity import Cause, Difference, compare, explain
from tests.factory.judging import AT, directory_of, verifier_of

LATER = datetime(2027, 3, 1, tzinfo=UTC)

Make = Callable[..., Report]


@pytest.fixture(scope="session")
def official(agency: DevAgency, signed_jpeg: bytes) -> Report:
    return verifier_of(directory_of(agency)).verify(signed_jpeg)


@pytest.fixture
def make(official: Report) -> Make:
    """The official report with some fields replaced, of the report or of its context."""

    def call(**fields: Any) -> Report:
        context = {k: v for k, v in fields.items() if k in type(official.context).model_fields}
        others = {k: v for k, v in fields.items() if k not in context}
        whole = official.context.model_copy(update=context)
        return official.model_copy(update={"context": whole, **others})

    return call


OTHER = {"signer": Signer(kind=SignerKind.UNRECOGNISED), "verdict": Verdict.SIGNED_UNRECOGNISED}
ENGINE = EngineRef(name="c2pa-python", version="9.9", native_version="9.8")
LIST = TrustListRef(
    name="studio", purpose="claim", sha256="ab" * 32, certificates=1, source="a test"
)


def said(difference: Difference) -> dict[tuple[Axis, str], tuple[tuple[str, ...], tuple[str, ...]]]:
    return {(c.axis, c.what): (c.old, c.new) for c in difference.changes}


def test_the_same_answer_is_no_difference_whatever_it_was_judged_with(make: Make) -> None:
    found = compare(make(), make(engine=ENGINE, verified_at=LATER, summary="other words"))
    assert (found.is_changed, found.changes, found.causes) == (False, (), {})


def test_what_changed_is_told_axis_by_axis(make: Make) -> None:
    found = compare(make(), make(engine=ENGINE, **OTHER))
    assert (found.old_verdict, found.new_verdict) == (
        Verdict.OFFICIAL,
        Verdict.SIGNED_UNRECOGNISED,
    )
    assert found.loses_official
    assert said(found) == {
        (Axis.SIGNER, "kind"): (("agency",), ("unrecognised",)),
        (Axis.SIGNER, "agency"): (("aurora-entertainment",), ()),
        (Axis.SIGNER, "recognised by"): ((f"anchor:{make().signer.recognised_by[7:]}",), ()),  # type: ignore[index]
    }


def test_an_answer_about_consent_is_told_and_none_is_no_answer(make: Make) -> None:
    ai = make().ai
    none, recorded, unasked = (
        make(ai=ai.model_copy(update={"consent": state}))
        for state in (ConsentState.NONE, ConsentState.ON_RECORD, ConsentState.NOT_CHECKED)
    )
    assert said(compare(recorded, none)) == {(Axis.AI, "consent"): (("on-record",), ())}
    # Older reports were made before the question was asked.
    assert not compare(unasked, none).is_changed


def test_findings_are_compared_by_their_codes(make: Make) -> None:
    more = (*make().findings, finding(FindingCode.KEY_DISOWNED, key="x"))
    found = compare(make(), make(findings=more, policy=PolicyRef(name="strict", version="2")))
    assert said(found) == {(Axis.SIGNER, "findings"): ((), ("key-disowned",))}
    other_words = tuple(f.model_copy(update={"text": "other", "evidence": {}}) for f in more)
    assert not compare(make(findings=more), make(findings=other_words)).is_changed


def test_only_another_deciding_finding_is_a_difference(make: Make) -> None:
    both = {"verdict": Verdict.UNDETERMINED}
    found = compare(
        make(reason=FindingCode.ENGINES_DISAGREE, **both),
        make(reason=FindingCode.LIMIT_REACHED, engine=ENGINE, **both),
    )
    assert found.is_changed
    assert (found.old_reason, found.new_reason, found.changes) == (
        FindingCode.ENGINES_DISAGREE,
        FindingCode.LIMIT_REACHED,
        (),
    )


DIRECTORY = DirectoryRef(name="D", version=2, sha256="cd" * 32, source="a test", test=True)


@pytest.mark.parametrize(
    ("now", "cause", "words"),
    [
        ({"engine": ENGINE}, Cause.ENGINE, "-> c2pa-python 9.9 (native 9.8)"),
        ({"second_engine": ENGINE}, Cause.ENGINE, " and c2pa-python 9.9 (native 9.8)"),
        ({"directory": DIRECTORY}, Cause.DIRECTORY, "-> D version 2 (a test, SHA-256 cdcd"),
        ({"directory": None}, Cause.DIRECTORY, "-> none"),
        ({"trust_lists": (LIST,)}, Cause.TRUST_LISTS, "studio (claim): new"),
        ({"policy": PolicyRef(name="p", version="2")}, Cause.POLICY, "default 1 -> p 2"),
        ({"network_allow": ("a.example:80",)}, Cause.POLICY, "-> default 1, asks a.example:80"),
        ({"verifier": "provenance-verifier 99"}, Cause.VERIFIER, "-> provenance-verifier 99"),
        ({"verified_at": LATER}, Cause.TIME, "-> 2027-03-01T00:00:00+00:00"),
        ({}, Cause.UNKNOWN, "nothing that a report names differs"),
    ],
)
def test_the_cause_is_what_was_judged_with_otherwise(
    make: Make, now: dict[str, Any], cause: Cause, words: str
) -> None:
    found = compare(make(), make(**now, **OTHER))
    assert list(found.causes) == [cause]
    assert words in found.causes[cause]


def test_other_bytes_are_a_cause_too(make: Make) -> None:
    other = make().asset.model_copy(update={"sha256": "ef" * 32})
    assert list(compare(make(), make(asset=other, **OTHER)).causes) == [Cause.FILE]
    fragments = make().asset.model_copy(update={"fragments": ("ef" * 32,)})
    assert list(compare(make(), make(asset=fragments, **OTHER)).causes) == [Cause.FILE]


def test_each_list_is_told_apart(make: Make) -> None:
    changed = LIST.model_copy(update={"sha256": "cd" * 32})
    second = LIST.model_copy(update={"name": "second"})
    times = LIST.model_copy(update={"purpose": "time-stamp"})

    def cause(before: tuple[TrustListRef, ...], after: tuple[TrustListRef, ...]) -> str:
        found = compare(make(trust_lists=before), make(trust_lists=after, **OTHER))
        assert list(found.causes) == [Cause.TRUST_LISTS]
        return found.causes[Cause.TRUST_LISTS]

    assert cause((LIST, second), (second,)) == "studio (claim): gone"
    assert cause((LIST,), (changed,)) == f"studio (claim): SHA-256 {'ab' * 32} -> {'cd' * 32}"
    assert cause((LIST,), (times,)) == "studio (claim): gone; studio (time-stamp): new"
    assert cause((LIST, second), (second, LIST)) == "their order"


def test_where_several_things_differ_none_of_them_is_singled_out(make: Make) -> None:
    found = compare(make(), make(engine=ENGINE, directory=None, verified_at=LATER, **OTHER))
    assert list(found.causes) == [Cause.ENGINE, Cause.DIRECTORY, Cause.TIME]


def test_an_issuer_that_was_asked_is_a_cause(make: Make) -> None:
    good = Revocation(state=RevocationState.GOOD, why="", source="fetched")
    found = compare(make(revocation=good), make())
    assert said(found) == {(Axis.REVOCATION, "state"): (("good",), ("not-checked",))}
    assert list(found.causes) == [Cause.NETWORK]


def test_identities_and_coverage_are_compared_as_sets(make: Make) -> None:
    identity = Identity(assertion="cawg.identity", kind="k", state="verified", why="")
    found = compare(make(), make(identity=(identity,)))
    assert said(found) == {(Axis.IDENTITY, "identities"): ((), ("cawg.identity verified",))}


def test_time_is_told_apart_by_judging_as_of_then(make: Make) -> None:
    old, now = make(), make(engine=ENGINE, verified_at=LATER, **OTHER)
    # The new engine alone changes nothing: it was time.
    found = explain(old, now, as_of_old=make(engine=ENGINE))
    assert (list(found.causes), found.also_time) == ([Cause.TIME], False)
    # It says the same as of then: time changes nothing.
    found = explain(old, now, as_of_old=make(engine=ENGINE, **OTHER))
    assert (list(found.causes), found.also_time) == ([Cause.ENGINE], False)
    # Something else again as of then: both have their share.
    partly = Integrity(state=IntegrityState.PARTIAL)
    found = explain(old, now, as_of_old=make(engine=ENGINE, integrity=partly))
    assert (list(found.causes), found.also_time) == ([Cause.ENGINE], True)
    assert found.changes == compare(old, now).changes
    # Nothing changes in the end, whatever happened between.
    found = explain(old, make(verified_at=LATER), as_of_old=make(engine=ENGINE, **OTHER))
    assert not found.is_changed


def test_a_register_is_named_where_it_may_be_why(make: Make) -> None:
    asked = {"register_of_releases": RegisterRef(name="releases")}
    found = compare(make(), make(**asked, **OTHER))
    assert found.causes == {Cause.REGISTER: "none -> releases"}
    # The same one: what it holds is not in a report.
    found = compare(make(**asked), make(**asked, **OTHER))
    assert found.causes == {Cause.REGISTER: "releases, which may hold other releases than then"}
    assert not compare(make(), make(**asked)).is_changed
    # Without one, it is still not known.
    assert list(compare(make(), make(**OTHER)).causes) == [Cause.UNKNOWN]


def test_an_expired_signature_is_due_to_time(agency: DevAgency, signed_jpeg: bytes) -> None:
    verifier = verifier_of(directory_of(agency))
    much_later = datetime(2060, 1, 1, tzinfo=UTC)
    old, new = verifier.verify(signed_jpeg), verifier.verify(signed_jpeg, at=much_later)
    found = explain(old, new, as_of_old=verifier.verify(signed_jpeg, at=AT))
    assert (found.new_verdict, found.new_reason) == (
        Verdict.UNDETERMINED,
        FindingCode.CERTIFICATE_EXPIRED,
    )
    assert found.loses_official
    assert list(found.causes) == [Cause.TIME]


# What a report of schema version 1.0 has had from the beginning. Whatever is
# added must have a default, or reports that people keep can no longer be read.
_FIRST = {
    "report": {
        "verdict", "test", "summary", "reason", "asset", "integrity", "signer", "time",
        "revocation", "release", "ai", "coverage", "context",
    },
    "context": {"verified_at", "verifier", "engine", "directory", "trust_lists", "policy"},
}  # fmt: skip


def test_an_old_report_without_newer_fields_is_read(official: Report) -> None:
    document = json.loads(official.model_dump_json(exclude_defaults=True))
    document["context"] = {k: v for k, v in document["context"].items() if k in _FIRST["context"]}
    old = Report.model_validate({k: v for k, v in document.items() if k in _FIRST["report"]})
    assert old.verdict is Verdict.OFFICIAL
    assert (old.identity, old.context.second_engine) == ((), None)
