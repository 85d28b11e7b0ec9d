"""What a worker's messages begin with, beside documents in JSON."""

from __future__ import annotations

__all__ = ["BEGUN", "REPORT", "STATED"]

BEGUN = b"B"
"""The worker has the file: what happens to it from now on is about that file."""

REPORT = b"R"
"""The rest of the message is a report."""

STATED = b"S"
"""The rest of the message is what a register keeps of a file, as `stated_lines` writes it."""
