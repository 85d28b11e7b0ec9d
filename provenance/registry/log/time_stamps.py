"""Time-stamps over checkpoints: a checkpoint carries no time, and the log's clock is its own.

Optional. A token stands beside the checkpoint it is over, and never delays it.

Spec: RFC 3161.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from provenance.atomic_files import replace_file
from provenance.errors import FetchError
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.reader import LogReader

__all__ = [
    "MAX_TOKEN_BYTES",
    "CheckpointStamper",
    "is_time_stamp_path",
    "read_time_stamp",
    "stamp_checkpoint",
    "time_stamp_path",
]

MAX_TOKEN_BYTES = 256 * 1024
_PATH = re.compile(r"time-stamp/(?:0|[1-9][0-9]{0,18})\.tst")


CheckpointStamper = Callable[[bytes], bytes]
"""Gets an RFC 3161 token (DER) over the SHA-256 of these bytes from an authority."""


def time_stamp_path(size: int) -> str:
    """Where below the log's prefix is the token over the checkpoint of this size?"""
    return f"time-stamp/{size}.tst"


def is_time_stamp_path(path: str) -> bool:
    """Is this where a token would be?"""
    return _PATH.fullmatch(path) is not None


def stamp_checkpoint(
    folder: LogFolder, checkpoint: Checkpoint, stamper: CheckpointStamper
) -> bytes:
    """Get a token over this checkpoint's text, and put it beside it.

    Over the text, not the note: signatures of witnesses may be added later.

    Raises:
        FetchError: The token is too long.
        ConfigurationError: It cannot be written.
        ProvenanceError: Whatever `stamper` raises where it gets none.
    """
    token = stamper(checkpoint.text)
    if len(token) > MAX_TOKEN_BYTES:
        raise FetchError(f"time-stamp: expected {MAX_TOKEN_BYTES} bytes at most, got {len(token)}")
    path = folder.public / time_stamp_path(checkpoint.size)
    path.parent.mkdir(exist_ok=True)
    replace_file(path, token, staging=folder.staging)
    return token


def read_time_stamp(reader: LogReader, checkpoint: Checkpoint) -> bytes | None:
    """Which token stands beside this checkpoint? Not checked; None if there is none.

    Raises:
        FetchError: It could not be had.
    """
    return reader.read(time_stamp_path(checkpoint.size), max_bytes=MAX_TOKEN_BYTES)
