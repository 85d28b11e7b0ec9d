"""Results go to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
import traceback

from provenance.cli.terminal import printable
from provenance.errors import ConfigurationError, WorkerBugError

__all__ = [
    "OutputClosedError",
    "explain_bug",
    "prepare_streams",
    "say",
    "write_document",
    "write_text",
]


class OutputClosedError(Exception):
    """Whoever read standard output has stopped reading."""


def prepare_streams() -> None:
    """Let no character that the terminal's encoding lacks end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def write_text(text: str) -> None:
    """Write lines for a person to standard output, at once.

    Raises:
        OutputClosedError, ConfigurationError: They cannot be written.
    """
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise _output_error(error) from error


def write_document(document: str) -> None:
    """Write one JSON document to standard output, at once, in UTF-8 whatever the locale.

    Spec: RFC 8259 §8.1.

    Raises:
        OutputClosedError, ConfigurationError: It cannot be written.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(document.encode() + b"\n")
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _output_error(error) from error


def _output_error(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return OutputClosedError()
    reason = (error.strerror or str(error)).lower()
    return ConfigurationError(f"standard output: cannot be written: {reason}")


def say(message: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"provenance: {printable(' '.join(message.split()))}\n")
    sys.stderr.flush()


def explain_bug(error: Exception, *, during: str | None = None) -> None:
    """Say that this program failed, in one line; PROVENANCE_DEBUG=1 adds where.

    Args:
        error: What nobody expected.
        during: What was being examined.
    """
    if os.environ.get("PROVENANCE_DEBUG") == "1":
        # Not on by default: a traceback may repeat what is in a private file.
        trace = "".join(traceback.format_exception(error))
        sys.stderr.write(error.trace if isinstance(error, WorkerBugError) else trace)
    where = f"{during}: " if during else ""
    what = str(error) if isinstance(error, WorkerBugError) else f"{type(error).__name__}: {error}"
    say(
        f"{where}internal error, {what}. This is a bug in the program "
        "and says nothing about the file; please report it"
    )
