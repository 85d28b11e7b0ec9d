"""Where no credentials can be, the engine finds none, whatever the bytes."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.credentials.engine import Engine, EngineState
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS
from provenance.media.containers import parse_layout
from provenance.media.containers.absence import holds_no_credentials
from provenance.media.sniff import sniff
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media
from tests.factory.sign import sign

KINDS = ("jpeg", "png", "mp4", "mov", "m4a", "heic", "avif")
_FOUND = {EngineState.MANIFEST, EngineState.REMOTE, EngineState.SEVERAL}
_pieces = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from([b"c2pa", b"caBX", b"jumb", b"\xff\xeb", b"\xff\xe1", b"provenance", b"uuid"]),
)
_edits = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert"]), st.floats(0, 1), _pieces), max_size=4
)


def _is_plain(data: bytes) -> bool:
    media_format = sniff(data)
    if media_format is None:
        return False
    stream = io.BytesIO(data)
    try:
        layout = parse_layout(stream, len(data), media_format, DEFAULT_LIMITS)
    except (MalformedError, LimitError):
        layout = None
    return holds_no_credentials(stream, media_format.container, layout)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_file_is_one_and_a_signed_one_is_not(
    kind: str, signed: Callable[..., bytes]
) -> None:
    assert _is_plain(media.make(kind))
    assert not _is_plain(signed(kind))


@pytest.mark.parametrize("kind", ["jpeg", "png", "mp4"])
def test_one_that_says_where_its_credentials_are_is_not(
    kind: str, agency_signer: MemorySigner
) -> None:
    data = sign(
        media.make(kind), media.MEDIA_TYPES[kind], signer=agency_signer,
        remote_url="https://press.example/manifest.c2pa",
    )  # fmt: skip
    assert not _is_plain(data)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-40], id="cut short"),
        pytest.param(lambda data: data[:300] + b"c2pa" + data[304:], id="a mark anywhere"),
        pytest.param(lambda data: data + b"\xff\xd8c2pa", id="a mark behind the end"),
    ],
)
def test_one_that_is_not_plain_is_left_to_the_engine(damage: Callable[[bytes], bytes]) -> None:
    assert not _is_plain(damage(media.jpeg()))


def test_a_format_of_which_nothing_is_known_is_left_to_the_engine() -> None:
    assert not _is_plain(media.webp())


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind=st.sampled_from(KINDS), has_some=st.booleans(), edits=_edits)
def test_the_engine_never_finds_what_cannot_be_there(
    engine: Engine,
    signed: Callable[..., bytes],
    kind: str,
    has_some: bool,  # noqa: FBT001 - drawn
    edits: list[tuple[str, float, bytes]],
) -> None:
    data = signed(kind) if has_some else media.make(kind)
    for what, where, new in edits:
        at = int(len(data) * where)
        rest = {"set": at + len(new), "cut": at + 16 * len(new), "insert": at}[what]
        data = data[:at] + (b"" if what == "cut" else new) + data[rest:]
    media_format = sniff(data)
    if media_format is None or media_format.engine_type is None or not _is_plain(data):
        return
    assert engine.read(io.BytesIO(data), media_format.engine_type).state not in _FOUND
