from __future__ import annotations

import pytest

from provenance.errors import MalformedError
from provenance.registry.log.checkpoint import Checkpoint, parse_checkpoint
from provenance.registry.log.merkle import EMPTY_ROOT

ROOT = b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
# The example of c2sp.org/tlog-checkpoint.
EXAMPLE = b"example.com/behind-the-sofa\n20852163\n" + ROOT + b"\n"


def test_the_example_comes_back_as_it_was() -> None:
    checkpoint = parse_checkpoint(EXAMPLE, where="c")
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == EXAMPLE
    assert str(checkpoint) == "example.com/behind-the-sofa, 20852163 entries, root 0ac5186a91863e8e"


def test_extension_lines_are_kept() -> None:
    checkpoint = parse_checkpoint(EXAMPLE + b"more\nlines\n", where="c")
    assert checkpoint.extensions == ("more", "lines")
    assert checkpoint.text == EXAMPLE + b"more\nlines\n"


def test_the_empty_tree_has_its_root() -> None:
    empty = Checkpoint(origin="log", size=0, root=EMPTY_ROOT)
    assert parse_checkpoint(empty.text, where="c") == empty
    with pytest.raises(MalformedError, match="expected the root of the empty tree"):
        parse_checkpoint(b"log\n0\n" + ROOT + b"\n", where="c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Cases of log/checkpoint_test.go in github.com/transparency-dev/formats.
        (b"Head\n9944\n", "expected origin, size and root"),
        (b"\n9944\n" + ROOT + b"\n", "expected origin, size and root"),
        (b"Log\n123\n" + ROOT, "expected a line break at the end"),
        (b"Log\nbananas\n" + ROOT + b"\n", "tree size: expected a decimal number"),
        (b"Log\n-34\n" + ROOT + b"\n", "tree size: expected a decimal number"),
        (b"Log\n3438945738945739845734895735\n" + ROOT + b"\n", "tree size: expected a decimal"),
        (b"Log\n123\nThisIsn'tBase64\n", "root: expected base64"),
        # And some more.
        (b"Log\n0123\n" + ROOT + b"\n", "tree size: expected a decimal"),
        (b"Log\n+1\n" + ROOT + b"\n", "tree size: expected a decimal"),
        ("Log\n\u0661\n".encode() + ROOT + b"\n", "tree size: expected a decimal"),
        (b"Log\n4611686018427387905\n" + ROOT + b"\n", "up to 4611686018427387904"),
        (b"Log\n1\nYmFuYW5hcw==\n", "root: expected a hash of 32 bytes, got 7"),
        (b"Log\n1\n" + ROOT[:-1] + b"\n", "root: expected base64"),
        (EXAMPLE + b"\n", "no empty line"),
        (b"\xff\n1\n" + ROOT + b"\n", "expected UTF-8"),
        (b"", "expected a line break"),
    ],
)
def test_what_is_none_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_checkpoint(text, where="c")
