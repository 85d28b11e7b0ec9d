"""Statements of identity from nobody in particular: parsed, or refused by name."""

from __future__ import annotations

from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from provenance.credentials.cbor_slices import slice_of_value
from provenance.credentials.identity import parse_identity
from provenance.credentials.jumbf import ContentBox, SuperBox
from provenance.credentials.manifest_store import Assertion
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

LIMITS = Limits(max_cbor_items=2_000, max_cbor_depth=16)
GOOD = cbor2.dumps(
    {
        "signer_payload": {
            "referenced_assertions": [
                {"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}
            ],
            "sig_type": "cawg.x509.cose",
            "role": ["cawg.publisher"],
        },
        "signature": bytes(70),
        "pad1": bytes(20),
        "pad2": b"",
    }
)

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=9) | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


def assertion(content: bytes) -> Assertion:
    box = SuperBox(b"cbor" + bytes(12), "", (), (ContentBox(b"cbor", content),), b"", 0, 0)
    return Assertion("cawg.identity", box, created=False, referenced=True)


def parse(content: bytes) -> None:
    try:
        found = parse_identity(assertion(content), LIMITS)
    except (MalformedError, LimitError):
        return
    assert found.references
    assert found.signature
    assert 1 <= len(found.encodings) <= 2
    assert found.encodings[-1] in content or found.encodings[0] in content


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_by_name(content: bytes) -> None:
    parse(content)


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6),
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


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "signer_payload": st.fixed_dictionaries(
                {},
                optional={
                    "referenced_assertions": values,
                    "sig_type": values,
                    "role": values,
                    "more": values,
                },
            )
            | values,
            "signature": values,
            "pad1": values,
            "pad2": values,
            "more": values,
        },
    )
)
def test_fields_of_any_type_are_parsed_or_refused_by_name(said: Any) -> None:
    parse(cbor2.dumps(said))


@given(st.dictionaries(st.text(max_size=9), values, max_size=6), st.text(max_size=9))
def test_a_slice_is_the_encoding_of_the_value(said: dict[str, Any], key: str) -> None:
    found = slice_of_value(cbor2.dumps(said), key, where="sample", limits=LIMITS)
    assert found == (cbor2.dumps(said[key]) if key in said else None)
