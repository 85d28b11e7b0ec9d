"""`provenance stamp`: a later time-stamp, so that a release outlives its certificate."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.signing_options import (
    CertificateOption,
    DirectoryOption,
    KeyOption,
    NetworkAllowOption,
    PassphraseFileOption,
    TimeStampListOption,
    TsaOption,
    UnsafePlainKeyOption,
)
from provenance.cli.streams import write_text
from provenance.errors import TimeStampError

__all__ = ["STAMP_EXIT_CODES", "stamp"]

STAMP_EXIT_CODES = """\b
Exit status:
  0   the file is stamped and verified
  2   usage, configuration, key, or it cannot be stamped
  70  internal error
"""


def stamp(  # noqa: PLR0913 - one parameter for each option
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Official release, as it is.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="OUT", help="Where it goes; not overwritten.")
    ],
    key: KeyOption,
    certificate: CertificateOption,
    directory: DirectoryOption,
    passphrase_file: PassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
    tsa: TsaOption = None,
    time_stamp_list: TimeStampListOption = None,
    fetch: Annotated[
        bool,
        typer.Option(
            "--fetch",
            help="Also ask the issuer whether the certificate is good, and add its answer.",
        ),
    ] = False,
    network_allow: NetworkAllowOption = None,
) -> int:
    """Add a later time-stamp to a release, before its certificate expires.

    It comes in an update manifest, signed with a key of the same agency. The file itself
    is not changed. What is written is verified, and kept only if it is official.
    """
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.cli.judge import time_stamp_lists_of
    from provenance.cli.key_options import key_spec
    from provenance.runtime.clock import system_clock
    from provenance.runtime.directory_at import load_directory_at
    from provenance.runtime.fetch import GuardedFetcher
    from provenance.runtime.sign_worker import authorities_of
    from provenance.runtime.signing_keys import open_signer
    from provenance.signing.later_stamp import LaterStamper, RememberingFetcher
    from provenance.signing.time_stamping import TimeStamper
    from provenance.verification.verifier import Verifier

    if not tsa:
        raise TimeStampError("expected a time-stamp authority (--tsa URL)")
    lists, allow = time_stamp_lists_of(time_stamp_list or (), network_allow or ())
    fetched = RememberingFetcher(GuardedFetcher(network_allow=allow)) if fetch else None
    spec = key_spec(key, certificate, passphrase_file, unsafe_plain_key)
    with ExitStack() as held:
        stamper = LaterStamper(
            signer=held.enter_context(open_signer(spec)),
            verifier=Verifier(
                directory=load_directory_at(directory),
                time_stamp_lists=lists,
                clock=system_clock,
                ocsp_fetcher=fetched,
            ),
            time_stamper=TimeStamper(authorities_of(tsa, allow), lists, clock=system_clock),
            fetched=fetched,
        )
        stamped = stamper.stamp(file, out)
    mark = "TEST, not a release: " if stamped.report.test else ""
    status = ", with the status of its certificate" if stamped.has_status else ""
    write_text(f"{mark}{out}: stamped at {stamped.stamp.at.isoformat()}{status}")
    return ExitCode.MET
