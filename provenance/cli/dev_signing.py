"""What `provenance dev sign` does: one file, signed as a throw-away agency."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from provenance.atomic_files import new_file
from provenance.credentials.engine import Engine, EngineState
from provenance.credentials.engine_signing import Intent, sign_stream
from provenance.errors import ConfigurationError, LimitError
from provenance.media.sniff import sniff_stream
from provenance.media.source import open_source
from provenance.signing.dev_agency import TEST_UNIT
from provenance.signing.dev_agency_folder import load_dev_signer
from provenance.untrusted import clean_text

__all__ = ["sign_copy"]


def sign_copy(source: Path, out: Path, *, agency: Path, title: str, source_type: str) -> None:
    """Write a signed copy of a file, whole or not at all.

    A file without credentials becomes something created; one that has them becomes
    the parent of what is signed.

    Raises:
        SourceError: The file cannot be read.
        ConfigurationError: It is of no type that can be signed, the agency's folder
            cannot be used, or `out` exists or cannot be written.
        SigningError: The engine refused.
    """
    signer = load_dev_signer(agency)
    try:
        with open_source(source) as opened:
            fmt = sniff_stream(opened.stream, opened.size_bytes)
            if fmt is None or fmt.engine_type is None:
                kind = "unknown" if fmt is None else fmt.media_type
                raise ConfigurationError(f"{source}: of a type that cannot be signed: {kind}")
            reading = Engine().read(opened.stream, fmt.engine_type)
            fresh = reading.state is EngineState.NONE
            opened.stream.seek(0)
            with new_file(out, replace=False) as stream:
                sign_stream(
                    opened.stream,
                    stream,
                    media_type=fmt.engine_type,
                    manifest={
                        "claim_generator_info": [
                            {
                                "name": f"provenance dev sign ({TEST_UNIT})",
                                "version": version("provenance-verifier"),
                            }
                        ],
                        "title": clean_text(title),
                    },
                    signer=signer,
                    intent=Intent.CREATE if fresh else Intent.EDIT,
                    digital_source_type=source_type if fresh else None,
                )
    except LimitError as error:
        raise ConfigurationError(str(error)) from error
