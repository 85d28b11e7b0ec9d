"""The `provenance` command: its subcommands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from provenance.cli.audit import audit
from provenance.cli.blocklist import blocklist
from provenance.cli.bulk import bulk
from provenance.cli.cert import cert
from provenance.cli.codes import codes
from provenance.cli.compare import COMPARE_EXIT_CODES, compare
from provenance.cli.dev import dev
from provenance.cli.directory import directory
from provenance.cli.evidence import evidence
from provenance.cli.exit_codes import EXIT_CODES_HELP, ExitCode
from provenance.cli.inspect import inspect
from provenance.cli.key import key
from provenance.cli.lists import lists
from provenance.cli.log import log
from provenance.cli.register import register
from provenance.cli.replay import REPLAY_EXIT_CODES, replay
from provenance.cli.report import report
from provenance.cli.serve import serve
from provenance.cli.service_keys import service
from provenance.cli.sign import SIGN_EXIT_CODES, release, sign
from provenance.cli.staff import staff
from provenance.cli.stamp import STAMP_EXIT_CODES, stamp
from provenance.cli.streams import OutputClosedError, explain_bug, prepare_streams, say, write_text
from provenance.cli.verify import verify
from provenance.errors import (
    ConfigurationError,
    RegisterError,
    SigningError,
    SourceError,
    StoreError,
)
from provenance.runtime.workers.host_process import shared_host

__all__ = ["app", "run"]

app = typer.Typer(
    name="provenance",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("verify", epilog=EXIT_CODES_HELP)(verify)
app.command("sign", epilog=SIGN_EXIT_CODES)(sign)
app.command("stamp", epilog=STAMP_EXIT_CODES)(stamp)
app.command("inspect")(inspect)
app.command("compare", epilog=COMPARE_EXIT_CODES)(compare)
app.command("codes")(codes)
app.command("replay", epilog=REPLAY_EXIT_CODES)(replay)
app.add_typer(release, name="release")
app.add_typer(lists, name="lists")
app.add_typer(directory, name="directory")
app.add_typer(register, name="register")
app.add_typer(log, name="log")
app.add_typer(key, name="key")
app.add_typer(cert, name="cert")
app.add_typer(report, name="report")
app.command("serve")(serve)
app.add_typer(service, name="service")
app.add_typer(staff, name="staff")
app.add_typer(bulk, name="bulk")
app.add_typer(evidence, name="evidence")
app.add_typer(audit, name="audit")
app.add_typer(blocklist, name="blocklist")
app.add_typer(dev, name="dev")


def _version_asked(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        # Reading the installed package's metadata is slow, and rarely asked for.
        from importlib.metadata import version

        write_text(f"provenance {version('provenance-verifier')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_version_asked, is_eager=True
        ),
    ] = False,
) -> None:
    """Say who released a photo, clip, track or document, and whether it is unchanged.

    Not whether what it shows is so, and nothing against a file without credentials.
    """


def run() -> int:
    """Which exit status does the command line of this process come to?"""
    prepare_streams()
    if sys.argv[1:2] == ["verify"] and not {"-h", "--help"} & set(sys.argv):
        # It loads what verifying needs while the command line is read here.
        with suppress(ConfigurationError):
            shared_host()
    try:
        # Otherwise typer would print and exit by itself.
        result = app(prog_name="provenance", standalone_mode=False)
    except typer.TyperException as error:
        say(f"{error.format_message().rstrip('.')}. See provenance --help")
        return ExitCode.USAGE
    except (ConfigurationError, SourceError, SigningError, RegisterError, StoreError) as error:
        say(str(error))
        return ExitCode.USAGE
    except OutputClosedError:
        # Nobody reads any more: the interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost door: whatever is left is a bug
        explain_bug(error)
        return ExitCode.INTERNAL
    return result if isinstance(result, int) else ExitCode.MET


if __name__ == "__main__":
    sys.exit(run())
