"""Statements of consent from nobody in particular: parsed, or refused by name."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from provenance.credentials.consent import CONSENT_LABEL, declared_uses, parse_consent
from provenance.credentials.jumbf import ContentBox, SuperBox
from provenance.credentials.manifest_store import Assertion
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

LIMITS = Limits(max_cbor_items=2_000, max_cbor_depth=16)
SAID: dict[str, Any] = {
    "artist": "NOVA9",
    "uses": ["voice"],
    "validFrom": "2026-06-01T00:00:00+09:00",
    "validUntil": "2028-05-31T23:59:59+09:00",
    "territories": ["KR"],
    "revocationContact": "mailto:consent@aurora.example",
    "paperSha256": "5a" * 32,
    "identifier": "C-1",
}
GOOD = cbor2.dumps(SAID)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=40)
    | st.datetimes(timezones=st.just(UTC))
    | st.sampled_from(sorted({str(value) for value in SAID.values()}))
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


def assertion(content: bytes, kind: bytes = b"cbor") -> Assertion:
    box = SuperBox(b"cbor" + bytes(12), "", (), (ContentBox(kind, content),), b"", 0, 0)
    return Assertion(CONSENT_LABEL, box, created=False, referenced=True)


def parse(content: bytes, kind: bytes = b"cbor") -> None:
    try:
        found = parse_consent(assertion(content, kind), LIMITS)
    except (MalformedError, LimitError):
        return
    assert found.valid_from < found.valid_until
    assert found.valid_from.tzinfo is not None
    assert found.artist.strip()
    assert 1 <= len(found.uses) <= 20
    assert len(found.paper_sha256) == 64


@given(st.binary(max_size=200), st.sampled_from([b"cbor", b"json"]))
def test_random_bytes_are_refused_by_name(content: bytes, kind: bytes) -> None:
    parse(content, kind)


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(GOOD)),
)
def test_a_damaged_statement_is_parsed_or_refused_by_name(
    changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(GOOD)
    for at, value in changes:
        content[at] = value
    parse(bytes(content))
    parse(bytes(content[:cut]))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SAID, values)))
def test_members_of_any_type_are_parsed_or_refused_by_name(said: dict[str, Any]) -> None:
    parse(cbor2.dumps({**SAID, **said}))
    parse(cbor2.dumps(said))


@given(st.dictionaries(st.text(max_size=40), values, max_size=4) | values)
def test_metadata_of_a_disclosure_of_any_type(metadata: Any) -> None:
    keys = ("org.provenance-verifier.uses", "org.provenance-verifier.artists")
    for value in (metadata, dict.fromkeys(keys, metadata)):
        said = assertion(cbor2.dumps({"modelType": "x", "metadata": value}))
        found = declared_uses(said, LIMITS)
        assert found is None or all(use.use and use.artist for use in found)
