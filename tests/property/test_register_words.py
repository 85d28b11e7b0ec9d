"""What is asked and answered about a register means the same on both sides."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import RegisterError
from provenance.fingerprints.model import Algorithm, Code, Reference
from provenance.runtime.workers import register_words as words
from provenance.verdict import ReleaseState
from provenance.verification.register import (
    BindingMatch,
    LogPlace,
    RegisteredFile,
    RegisteredManifest,
    RegisteredRelease,
)

TEXT = st.text(max_size=20)
MOMENTS = st.integers(0, 10**9).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, n))
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
PLACES = st.builds(LogPlace, origin=TEXT, entry=st.integers(0, 2**53), logged_at=MOMENTS)
RELEASES = st.builds(
    RegisteredRelease,
    agency=TEXT,
    release=TEXT,
    title=st.dictionaries(TEXT, TEXT, max_size=3),
    state=st.sampled_from(ReleaseState),
    changed_at=MOMENTS,
    reason=st.none() | TEXT,
    replaced_by=st.none() | TEXT,
    first_stated_at=MOMENTS,
    log=st.none() | PLACES,
    channels=st.lists(TEXT, max_size=3).map(tuple),
)
FILES = st.builds(
    RegisteredFile,
    release=RELEASES,
    sha256=DIGESTS,
    media_type=TEXT,
    rendition_of=st.none() | DIGESTS,
)
MANIFESTS = st.builds(RegisteredManifest, label=TEXT, store=st.binary(max_size=99), file=FILES)
CODES = st.builds(
    Code,
    algorithm=st.sampled_from(Algorithm),
    bits=st.binary(min_size=32, max_size=32),
    view=TEXT,
    quality=st.integers(0, 100),
    at_ms=st.none() | st.integers(0, 2**31),
)
REFERENCES = st.builds(
    Reference,
    kind=st.sampled_from(["picture", "features", "sound"]),
    data=st.binary(max_size=99),
    at_ms=st.none() | st.integers(0, 2**31),
    width=st.none() | st.integers(1, 10**5),
    height=st.none() | st.integers(1, 10**5),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def sent(document: Any) -> Any:
    """As it comes out of the connection."""
    return json.loads(json.dumps(document))


@given(st.lists(FILES, max_size=3).map(tuple))
def test_files_come_back_as_they_were(files: tuple[RegisteredFile, ...]) -> None:
    assert words.files_in(sent(words.files_out(files))) == files


@given(st.dictionaries(st.integers(0, 2**63 - 1), FILES, max_size=3))
def test_owners_come_back_as_they_were(owned: dict[int, RegisteredFile]) -> None:
    assert words.owned_in(sent(words.owned_out(owned))) == owned


@given(st.lists(MANIFESTS, max_size=3).map(tuple), st.integers(0, 256))
def test_manifests_come_back_as_they_were(
    manifests: tuple[RegisteredManifest, ...], distance: int
) -> None:
    assert words.manifests_in(sent(words.manifests_out(manifests))) == manifests
    matches = tuple(BindingMatch(manifest=entry, distance=distance) for entry in manifests)
    assert words.matches_in(sent(words.matches_out(matches))) == matches


@given(st.lists(CODES, max_size=5), st.none() | REFERENCES)
def test_codes_and_references_come_back_as_they_were(
    codes: list[Code], reference: Reference | None
) -> None:
    assert words.codes_in(sent(words.codes_out(codes))) == codes
    assert words.reference_in(sent(words.reference_out(reference))) == reference


@given(JUNK)
def test_codes_that_are_none_are_refused(junk: Any) -> None:
    if junk in ([], {}, ""):
        return
    try:
        words.codes_in(junk)
    except RegisterError:
        return
    raise AssertionError(f"{junk!r} was taken for codes")
