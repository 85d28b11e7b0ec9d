"""A form is read or refused, whatever it is, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError
from provenance.runtime.uploads import UploadFolder
from provenance.service.forms import Form
from provenance.service.problems import Problem

BOUNDARY = b"x"
GOOD = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0 data\r\n"
    b'--x\r\nContent-Disposition: form-data; name="sidecar"\r\n\r\nstore\r\n'
    b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nb.jpg\r\n--x--\r\n'
)
MOST = 1000
REFUSED = {"BAD_REQUEST", "EMPTY_UPLOAD", "TOO_MANY_PARTS"}


def read(body: bytes, cuts: list[int]) -> str:
    """What became of a form that arrived in these pieces."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "uploads"
        uploads = UploadFolder(folder, min_free_bytes=0)
        try:
            with Form(uploads, MOST, BOUNDARY) as form:
                begin = 0
                for cut in [*sorted(c % (len(body) + 1) for c in cuts), len(body)]:
                    form.feed(body[begin:cut])
                    begin = cut
                taken = form.finish()
                assert taken.file.path.stat().st_size == taken.file.size_bytes <= MOST
        except Problem as problem:
            assert not any(folder.iterdir())
            return problem.kind.name
        except LimitError:
            assert not any(folder.iterdir())
            return "too large"
        assert taken.file.path.exists()
        return f"{taken.name} {taken.file.size_bytes} {taken.sidecar is not None}"


@given(cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    assert read(GOOD, cuts) == "b.jpg 9 True"


@settings(max_examples=300)
@given(
    place=st.integers(0, len(GOOD)),
    removed=st.integers(0, 40),
    added=st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"--x\r\n", b"--x--", b"\r\n\r\n", b"\0" * 2000, GOOD]),
    ),
    cuts=st.lists(st.integers(0, 10_000), max_size=3),
)
def test_a_mutated_form_is_read_or_refused(
    place: int, removed: int, added: bytes, cuts: list[int]
) -> None:
    became = read(GOOD[:place] + added + GOOD[place + removed :], cuts)
    assert became in REFUSED or became == "too large" or became.endswith(("True", "False"))
