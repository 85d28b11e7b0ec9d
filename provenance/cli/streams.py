"""Results go to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TextIO

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
    """Let no character that the terminal's encoding lacks end the program, nor a closed stream.

    Whoever started this process may have closed its standard streams. Their numbers would be
    given to files and sockets that are opened later, and what is printed would go there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - its only form
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - till the end
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
        stream = _output()
        stream.write(text + "\n")
        stream.flush()
    except OSError as error:
        raise _output_error(error) from error


def write_document(document: str) -> None:
    """Write one JSON document to standard output, at once, in UTF-8 whatever the locale.

    Spec: RFC 8259 §8.1.

    Raises:
        OutputClosedError, ConfigurationError: It cannot be written.
    """
    try:
        stream = _output()
        stream.flush()
        stream.buffer.write(document.encode() + b"\n")
        stream.buffer.flush()
    except OSError as error:
        raise _output_error(error) from error


def _output() -> TextIO:
    if sys.stdout is None:
        # An answer that nobody gets is an error.
        raise ConfigurationError("standard output: cannot be written: it is closed")
    return sys.stdout


def _output_error(error: OSError) -> Exception:
    # The interpreter's last flush must not meet it again, and change the exit status.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return OutputClosedError()
    reason = (error.strerror or str(error)).lower()
    return ConfigurationError(f"standard output: cannot be written: {reason}")


def say(message: str) -> None:
    """Write one line to standard error."""
    _tell(f"provenance: {printable(' '.join(message.split()))}\n")


def _tell(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        # Nobody can be told. That changes no exit status, also not in the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def explain_bug(error: Exception, *, during: str | None = None) -> None:
    """Say that this program failed, in one line; PROVENANCE_DEBUG=1 adds where.

    Args:
        error: What nobody expected.
        during: What was being examined.
    """
    if os.environ.get("PROVENANCE_DEBUG") == "1":
        # Not on by default: a traceback may repeat what is in a private file.
        trace = "".join(traceback.format_exception(error))
        _tell(error.trace if isinstance(error, WorkerBugError) else trace)
    where = f"{during}: " if during else ""
    what = str(error) if isinstance(error, WorkerBugError) else f"{type(error).__name__}: {error}"
    say(
        f"{where}internal error, {what}. This is a bug in the program "
        "and says nothing about the file; please report it"
    )
