"""Files that cost the engine far more than their size."""

from __future__ import annotations

from pathlib import Path

from tests.factory import media

__all__ = ["large_jpeg", "quadratic_mp4"]


def quadratic_mp4(boxes: int = 100_000) -> bytes:
    """A movie with so many empty boxes of 8 bytes: the engine compares each with each."""
    return media.make("mp4", 1) + (8).to_bytes(4) + b"free" + boxes * ((8).to_bytes(4) + b"skip")


def large_jpeg(path: Path, size_bytes: int) -> None:
    """A picture with a long tail, of which the engine holds two to three copies.

    The tail is a hole in the file, and takes no disk.
    """
    path.write_bytes(media.jpeg(1))
    with path.open("r+b") as file:
        file.truncate(size_bytes)
