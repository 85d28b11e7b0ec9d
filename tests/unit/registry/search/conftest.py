"""A register with a picture, a clip and a track, each as it is really heard and seen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from provenance.fingerprints.media import fingerprint_media
from provenance.media.sniff import sniff_stream
from provenance.registry.register.register import Register
from provenance.signing.memory_signer import MemorySigner
from tests.factory.clips import clip, encode_clip
from tests.factory.registers import Desk, Kinds, store_in
from tests.factory.scenes import photo
from tests.factory.tracks import encode_track, track


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    """By kind of media: an asset, and its fingerprint."""
    picture = io.BytesIO()
    Image.fromarray(photo(3, size=(480, 320))).save(picture, "JPEG", quality=92)
    made = {
        "picture": picture.getvalue(),
        "video": encode_clip(clip(1)),
        "sound": encode_track(track(1)),
    }
    found = {}
    for kind, data in made.items():
        media_format = sniff_stream(io.BytesIO(data), len(data))
        assert media_format is not None
        found[kind] = data, fingerprint_media(io.BytesIO(data), media_format)
        assert found[kind][1].codes
    return found


@pytest.fixture
def desk(agency_signer: MemorySigner) -> Desk:
    return Desk(agency_signer)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Register]]:
    """Opens registers by name, and closes them in the end."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Register(tmp_path / f"{name}.db"))


@pytest.fixture
def register(opened: Callable[[str], Register]) -> Register:
    return opened("register")


@pytest.fixture(scope="session")
def store(signed_jpeg: bytes) -> tuple[str, bytes]:
    """A manifest store of the agency: label and bytes."""
    return store_in(signed_jpeg)
