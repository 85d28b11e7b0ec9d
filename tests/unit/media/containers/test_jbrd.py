"""What a JPEG XL keeps of a JPEG beside its picture is read where nothing of it is compressed."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

import pytest

from provenance.errors import MalformedError
from provenance.media.containers.jbrd import bare_jpeg
from tests.factory.reconstruction import reconstruction, stored

# As libjxl wrote it of a grey JPEG with a JFIF segment.
_OF_ENCODER = b64decode(
    "wQ0gCC0DAgCEgJCrSgAAQMhR2YKhOP8niIwRyjinFLQfIUOYpQ4yzEDpDjVYHzKcfMyAQw4qLHLQsAPbRw39"
    "+yPLHHbcgYai+1+MccYkl2zyySinPDPNNdt8M845Cz000UUbfTTSSUs9NdVVW3011lmLPTbZZZt9Ntppyz03"
    "3XXbfTfeeQs+OOGFG3444olHLvnklFdu+eWYZx666KOTXrrpp6Oeeuyyz0577bbfjnvuwQs/PPHFG3888slH"
    "L/301Fdv/fXYZw9++OKPT3755p+Pfvrwxy///PTXb//9+Of/D/ADAAAACwiA4AAQSkZJRgABAQAAAQABAAAD"
)
_JFIF = b"\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_OTHER = b"\xe5\0\x0dSERIALQ7731"
_NOTE = b"\xfe\0\x07NOVA9"


def test_what_an_encoder_wrote_is_read() -> None:
    assert bare_jpeg(_OF_ENCODER) == b"\xff\xd8\xff" + _JFIF + b"\xff\xd9"


@pytest.mark.parametrize(
    ("segments", "notes", "behind"),
    [((), (), b""), ((_JFIF,), (), b""), ((_JFIF, _OTHER), (_NOTE,), b"a trailer")],
)
@pytest.mark.parametrize("elsewhere", [0, 2])
def test_segments_comments_and_what_follows_are_told(
    segments: Sequence[bytes], notes: Sequence[bytes], behind: bytes, elsewhere: int
) -> None:
    data = reconstruction(segments, notes, behind, elsewhere=elsewhere)
    parts = b"".join(b"\xff" + part for part in (*segments, *notes))
    assert bare_jpeg(data) == b"\xff\xd8" + parts + b"\xff\xd9" + behind


@pytest.mark.parametrize(
    "packed",
    [
        # More or less than is told; a further stream; compressed; of no end.
        stored(_JFIF + b"x"),
        stored(_JFIF[:-1]),
        stored(_JFIF) + b"x",
        b"\x1b\x10\0\xf8\x25\xc2",
        stored(_JFIF)[:-1],
        b"\x11" + stored(_JFIF)[1:],
        b"",
    ],
)
def test_what_cannot_be_read_to_its_end_is_refused(packed: bytes) -> None:
    with pytest.raises(MalformedError, match="jbrd"):
        bare_jpeg(reconstruction((_JFIF,), packed=packed))


def test_what_is_stored_in_many_pieces_is_put_together() -> None:
    note = b"\xfe\xea\x62" + b"N" * 60_000
    packed = stored(note, piece_bytes=1)
    jpeg = bare_jpeg(reconstruction((), (note,), packed=packed))
    assert jpeg == b"\xff\xd8\xff" + note + b"\xff\xd9"


@pytest.mark.parametrize("data", [b"", b"x", bytes(20_000), b"\xff" * 20_000])
def test_what_has_no_end_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="jbrd"):
        bare_jpeg(data)


def test_every_prefix_of_a_box_is_refused() -> None:
    for size in range(len(_OF_ENCODER)):
        with pytest.raises(MalformedError, match="jbrd"):
            bare_jpeg(_OF_ENCODER[:size])
