"""Writes the seed corpus into a folder: one folder and one dictionary for each target.

A program of its own, because it signs: the engine's threads must not be in a process
that forks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

__all__ = ["write_corpus"]


def write_corpus(folder: Path) -> None:
    """Write `folder/TARGET/` and `folder/TARGET.dict` for every target."""
    for name, target in TARGETS.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        # Signatures differ from run to run: numbers for names, or the folder would grow.
        for number, data in enumerate(target.seeds()):
            (place / f"{number:03}").write_bytes(data)
        if target.tokens:
            # libFuzzer refuses a dictionary without words.
            lines = [_quoted(token) for token in target.tokens]
            (folder / f"{name}.dict").write_text("".join(lines), "utf-8")


def _quoted(token: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in token) + '"\n'


if __name__ == "__main__":
    write_corpus(Path(sys.argv[1]))
