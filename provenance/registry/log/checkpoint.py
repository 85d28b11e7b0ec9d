"""What a log says of its tree at one moment: origin, size and root.

Spec: c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

from provenance.errors import MalformedError
from provenance.registry.log.encoding import base64_text, parse_decimal, parse_hash
from provenance.registry.log.merkle import EMPTY_ROOT, MAX_TREE_SIZE

__all__ = ["Checkpoint", "parse_checkpoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree's head, without signatures.

    Attributes:
        origin: Which log it is.
        size: How many entries there are.
        root: The hash over all of them.
        extensions: Lines after the three; nobody here gives them a meaning.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> bytes:
        """The text of the note that is signed."""
        lines = (self.origin, str(self.size), base64_text(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()

    def __str__(self) -> str:
        return f"{self.origin}, {self.size} entries, root {self.root.hex()[:16]}"


def parse_checkpoint(text: bytes, *, where: str) -> Checkpoint:
    """Which tree head does the text of a note state?

    Raises:
        MalformedError: It is no checkpoint.
    """
    try:
        body = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{where}: expected UTF-8: {error.reason}") from error
    if not body.endswith("\n"):
        raise MalformedError(f"{where}: expected a line break at the end of the text")
    lines = body[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise MalformedError(
            f"{where}: expected origin, size and root, each on a line, and no empty line"
        )
    size = parse_decimal(lines[1], most=MAX_TREE_SIZE, where=f"{where}: tree size")
    root = parse_hash(lines[2], where=f"{where}: root")
    if size == 0 and root != EMPTY_ROOT:
        raise MalformedError(f"{where}: expected the root of the empty tree for size 0")
    return Checkpoint(origin=lines[0], size=size, root=root, extensions=tuple(lines[3:]))
