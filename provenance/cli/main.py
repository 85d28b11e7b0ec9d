"""The `provenance` command: from its start to its exit status."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

from provenance.cli.exit_codes import ExitCode
from provenance.cli.streams import OutputClosedError, explain_bug, prepare_streams, say
from provenance.errors import (
    ConfigurationError,
    RegisterError,
    ReleaseError,
    SigningError,
    SourceError,
    StoreError,
)

__all__ = ["entry", "run"]

# Loading modules makes objects by the hundred thousand, and hardly any garbage.
_OBJECTS_BEFORE_COLLECTING = 50_000


def run() -> int:
    """Which exit status does the command line of this process come to?"""
    try:
        return _run()
    except KeyboardInterrupt:
        # While modules are loaded, or where a message about something else is written.
        return ExitCode.INTERRUPTED


def _run() -> int:
    prepare_streams()
    if sys.argv[1:2] == ["verify"] and not {"-h", "--help"} & set(sys.argv):
        _start_host()
    # After the host, which loads what verifying needs while the command line is read here.
    import typer

    from provenance.cli.app import app

    try:
        # Otherwise typer would print and exit by itself.
        result = app(prog_name="provenance", standalone_mode=False)
    except typer.TyperException as error:
        # Of a mistake in the command line: in which command it was made.
        asked = getattr(getattr(error, "ctx", None), "command_path", "provenance")
        say(f"{error.format_message().rstrip('.')}. See {asked} --help")
        return ExitCode.USAGE
    except (ConfigurationError, SourceError, SigningError, RegisterError, StoreError) as error:
        # What is in the way of a release has a line for each thing: they are put right one by one.
        for fault in error.faults if isinstance(error, ReleaseError) else (str(error),):
            say(fault)
        return ExitCode.USAGE
    except OutputClosedError:
        return ExitCode.OUTPUT_CLOSED
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost door: whatever is left is a bug
        explain_bug(error)
        return ExitCode.INTERNAL
    return result if isinstance(result, int) else ExitCode.MET


def _start_host() -> None:
    # Only for commands that verify: it starts processes.
    from provenance.runtime.workers.host_process import shared_host

    with suppress(ConfigurationError):
        shared_host()


def entry() -> int:
    """The same, for a process that does nothing else and ends then."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    # Pydantic would look through every installed package for one that wants to listen.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    status = run()
    # The kernel takes the memory back at once; there is no need to look for garbage first.
    gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(entry())
