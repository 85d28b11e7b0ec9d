"""`provenance log init | append | show | fsck | wrong-time | serve-files`: for its keeper."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.log_options import (
    LogArgument,
    LogKeyOption,
    LogPassphraseOption,
    PlainKeyOption,
    agencies_of,
    log_signer_of,
    read_note,
    readable,
)
from provenance.cli.options import DirectoryOption
from provenance.cli.streams import say, write_text
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.registry.log.leaf import SignedStatement
    from provenance.registry.log.writer import LogWriter

__all__ = ["register_log_keeper"]

_BATCH = 1_000
_MAX_FILE_BYTES = 1024**3
_MAX_LINE_BYTES = 8_192
_CHUNK_BYTES = 1024**2


def register_log_keeper(group: typer.Typer) -> None:
    """Add these commands to the group."""
    for name, command in (
        ("init", init),
        ("append", append),
        ("show", show),
        ("fsck", fsck),
        ("wrong-time", wrong_time),
        ("serve-files", serve_files),
    ):
        group.command(name)(command)


def init(
    *,
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A folder that is new or empty.")],
    origin: Annotated[
        str,
        typer.Option(
            "--origin",
            metavar="NAME",
            help="The log's name for ever, best its address without https://.",
        ),
    ],
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Where it will be served, for the policy."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="FILE", help="An Ed25519 key that exists; by default one is made."
        ),
    ] = None,
    passphrase_file: LogPassphraseOption = None,
    unsafe_plain_key: PlainKeyOption = False,
) -> None:
    """Begin a log: its folder, its key, its empty tree, signed."""
    from provenance.cli.directory_options import passphrases_of
    from provenance.registry.log.folder import create_log
    from provenance.registry.log.writer import LogWriter
    from provenance.signing.private_keys import generate_key, write_new_key

    if key is None:
        if log.is_dir() and any(log.iterdir()):
            # Before anything is put into a folder that was not meant.
            raise ConfigurationError(f"{log}: expected a new or empty folder")
        key = log / "keys" / "log.pem"
        secret = None
        if not unsafe_plain_key:
            secret = passphrases_of(passphrase_file, new=True)("log")
        try:
            key.parent.mkdir(parents=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigurationError(f"{key.parent}: cannot be made: {reason}") from error
        made = generate_key("EdDSA")
        write_new_key(key, made, passphrase=secret, unsafe_plain=unsafe_plain_key)
    signer = log_signer_of(key, origin, passphrase_file, plain=unsafe_plain_key)
    folder = create_log(log, signer.key, url=url)
    with LogWriter(folder, signer):
        pass
    write_text(f"{log}: the log {origin} begins, empty\n  its key: {signer.key.text}")
    write_text(f"  a policy that believes it without witnesses: {log / 'policy'}")


def append(
    *,
    log: LogArgument,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Statements that agencies have signed, one JSON a line."
        ),
    ],
    directory: DirectoryOption = None,
    seen: Annotated[
        list[Path] | None,
        typer.Option(
            "--seen",
            metavar="FILE",
            help="A checkpoint that a watcher has seen: the log refuses to go on from an older "
            "state. May be repeated.",
        ),
    ] = None,
    key: LogKeyOption = None,
    passphrase_file: LogPassphraseOption = None,
    unsafe_plain_key: PlainKeyOption = False,
) -> None:
    """Take signed statements into the log, and sign its new checkpoint.

    What is in the log already is not added again: an import that stopped half-way can
    simply be repeated. With a directory, only its agencies' statements are taken.
    """
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.log.writer import LogWriter

    folder = LogFolder.open(log)
    signer = log_signer_of(
        key or folder.keys / "log.pem", folder.origin, passphrase_file, plain=unsafe_plain_key
    )
    agencies = agencies_of(directory, takes_in=True)
    notes = [read_note(path) for path in seen or ()]
    with readable(), LogWriter(folder, signer, agencies=agencies, seen=notes) as writer:
        for path in files:
            write_text(f"{path}: {_append(writer, path)}")
        write_text(f"{log}: {writer.size} entries")


def show(
    *,
    log: LogArgument,
    release: Annotated[
        str, typer.Argument(metavar="AGENCY/RELEASE", help="The release, by its ids.")
    ],
) -> None:
    """Print what was stated about a release, and when first."""
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.log.history import entries_about, first_stated
    from provenance.registry.log.store import LogStore

    agency, _, name = release.partition("/")
    store = LogStore(LogFolder.open(log).store, read_only=True)
    try:
        first = first_stated(store, agency, name)
        if first is None:
            write_text(f"{release}: nothing was stated")
            raise typer.Exit(ExitCode.NOT_MET)
        how = " (under embargo)" if first.under_embargo else ""
        when = first.logged_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        write_text(f"{release}: first stated by the agency on {when}, entry {first.index}{how}")
        for entry in entries_about(store, agency, name):
            when = entry.leaf.logged_at.strftime("%Y-%m-%d %H:%M:%S UTC")
            write_text(f"  {entry.index:>9}  {when}  {entry.leaf.statement.type}")
    finally:
        store.close()


def fsck(
    *,
    log: LogArgument,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Make again what follows from the entries; nothing else is touched."
        ),
    ] = False,
) -> None:
    """Check all of a log's folder. Exit status 1 if something stays wrong."""
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.log.fsck import check_log

    report = check_log(LogFolder.open(log), repair=repair)
    for finding in report.findings:
        done = "repaired" if finding.repaired else "to repair" if finding.derived else "WRONG"
        write_text(f"{done:<9} {finding.what}")
    waiting = report.entries - report.signed
    more = f", {waiting} of them not signed yet" if waiting else ""
    sound = "sound" if report.is_sound else "not sound"
    write_text(f"{log}: {report.entries} entries{more}: {sound}")
    if not report.is_sound:
        raise typer.Exit(ExitCode.NOT_MET)


def wrong_time(
    *,
    log: LogArgument,
    time: Annotated[
        str,
        typer.Option("--time", metavar="TIME", help="The last entry's, as the refusal names it."),
    ],
    key: LogKeyOption = None,
    passphrase_file: LogPassphraseOption = None,
    unsafe_plain_key: PlainKeyOption = False,
) -> None:
    """Say that a clock was far ahead when the last entry was taken: the log goes on.

    Time in a log never goes back. Until that time has come, what is taken says the same time as
    the last entry, and watchers are alarmed about it as they are about that one.
    """
    from provenance.cli.judge import parse_time
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.log.writer import LogWriter
    from provenance.runtime.clock import system_clock

    wrong = parse_time(time, option="--time")
    assert wrong is not None  # noqa: S101 - a text was given
    folder = LogFolder.open(log)
    signer = log_signer_of(
        key or folder.keys / "log.pem", folder.origin, passphrase_file, plain=unsafe_plain_key
    )
    with readable(), LogWriter(folder, signer) as writer:
        writer.stand_still(wrong, now=system_clock())
    write_text(f"{log}: time stands still until {wrong.isoformat()}")


def serve_files(
    *,
    log: LogArgument,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on; by default this machine alone can ask.",
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65_535)] = 8765,
) -> None:
    """Serve what everybody may read of a log, until interrupted.

    Plain HTTP: for others, a web server with TLS serves LOG/public as it is.
    """
    from provenance.registry.log.folder import LogFolder
    from provenance.runtime.log_server import LogServer

    folder = LogFolder.open(log)
    with LogServer(folder.public, host=host, port=port, note=say) as server:
        write_text(f"{folder.origin}: served at {server.url}")
        server.serve_forever()


def _append(writer: LogWriter, path: Path) -> str:
    """Give the log what is in a file, a batch at a time; what became of it, in words.

    Every line is read before the first is taken, and none is kept: a file with one that is no
    statement adds nothing, however many there are.
    """
    from provenance.runtime.clock import system_clock

    count = added = 0
    first = last = None
    with _seekable(path) as stream:
        for _ in _batches(stream, path):
            pass
        stream.seek(0)
        for statements in _batches(stream, path):
            done = writer.append(statements, at=system_clock())
            count += len(statements)
            added += done.added
            first = done.indices[0] if first is None else first
            last = done.indices[-1]
    which = "no statement" if first is None else f"entries {first} .. {last}"
    return f"{which}, {added} of {count} new"


@contextmanager
def _seekable(path: Path) -> Iterator[BinaryIO]:
    """The file, which is read twice; of a pipe, a copy."""
    with ExitStack() as held:
        with _reading(path):
            stream = held.enter_context(path.open("rb"))
        if stream.seekable():
            yield stream
            return
        copy = held.enter_context(tempfile.TemporaryFile())
        with _reading(path):
            while chunk := stream.read(_CHUNK_BYTES):
                _check_size(copy.tell() + len(chunk), path)
                copy.write(chunk)
        copy.seek(0)
        yield copy


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from error


def _batches(stream: BinaryIO, path: Path) -> Iterator[list[SignedStatement]]:
    from provenance.registry.log.leaf import parse_signed_statement

    found = []
    number = read_bytes = 0
    while True:
        with _reading(path):
            line = stream.readline(_MAX_LINE_BYTES)
        if not line:
            break
        number += 1
        read_bytes += len(line)
        _check_size(read_bytes, path)
        where = f"{path}, line {number}"
        found.append(parse_signed_statement(line.rstrip(b"\n"), where=where))
        if len(found) == _BATCH:
            yield found
            found = []
    if found:
        yield found


def _check_size(size: int, path: Path) -> None:
    if size > _MAX_FILE_BYTES:
        raise ConfigurationError(f"{path}: expected {_MAX_FILE_BYTES} bytes at most")
