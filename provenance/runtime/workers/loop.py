"""What a worker does: one file after the other, until its parent hangs up."""

from __future__ import annotations

import base64
import errno
import os
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import FetchError, LimitError, RegisterError, SourceError
from provenance.findings import FindingCode
from provenance.media.source import HeldFile
from provenance.runtime.workers.channel import Channel, ChannelClosedError
from provenance.runtime.workers.isolation import isolate, limit_processor_time
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.messages import BEGUN, REPORT, STATED

if TYPE_CHECKING:
    # The first brings what decodes pictures and sound, the second all that verifies; the
    # host has loaded what its verifiers need.
    from provenance.runtime.workers.relayed_register import RelayedRegister
    from provenance.verification.verifier import Verifier

__all__ = ["RelayedFetcher", "work"]

_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class RelayedFetcher:
    """Asks issuers through the parent, since a worker has no network.

    Args:
        network_allow: What the parent's fetcher allows, for the report.
    """

    def __init__(self, network_allow: tuple[str, ...]) -> None:
        self._network_allow = network_allow
        self.channel: Channel | None = None

    @property
    def network_allow(self) -> tuple[str, ...]:
        """Exceptions to the rule that only public addresses are asked."""
        return self._network_allow

    def __call__(self, url: str, request: bytes, /) -> bytes:
        """Have the parent send this request, and give the body of the answer.

        Raises:
            FetchError: There is no answer, or asking is refused.
        """
        if self.channel is None:
            raise FetchError(f"{url}: nobody here asks for others")
        self.channel.send_document(
            {"ask": url, "request": base64.b64encode(request).decode("ascii")}
        )
        answer, _ = self.channel.receive_document()
        if "answer" not in answer:
            raise FetchError(str(answer.get("refused")))
        return base64.b64decode(answer["answer"])


def work(
    channel: Channel,
    verifier: Verifier,
    fetcher: RelayedFetcher | None,
    register: RelayedRegister | None = None,
    *,
    scratch: Path,
    limits: WorkerLimits,
) -> None:
    """Shut this process in, then examine what the parent sends until it hangs up."""
    verifier.after_fork()
    status = isolate(scratch, limits)
    if fetcher is not None:
        fetcher.channel = channel
    if register is not None:
        register.channel = channel
    channel.send_document({"ready": [asdict(entry) for entry in status.protections]})
    while True:
        try:
            job, files = channel.receive_document()
        except ChannelClosedError:
            return
        # From here on, what happens to this process is about this file.
        channel.send(BEGUN)
        limit_processor_time(job["cpu_s"])
        _clear(scratch)
        answer = _answer(verifier, job, files)
        if isinstance(answer, bytes):
            channel.send((STATED if "read" in job else REPORT) + answer)
            continue
        channel.send_document(answer)
        if answer.get("failed") == FindingCode.MEMORY_EXHAUSTED:
            # What is left of this process is not to be relied on.
            return


# How Python says that there is no room for a thread's stack. Nothing else keeps a worker from
# starting one: the number of its threads is not limited.
_NO_THREAD = "can't start new thread"


def _answer(
    verifier: Verifier, job: dict[str, Any], files: Sequence[int]
) -> bytes | dict[str, Any]:
    at = datetime.fromisoformat(job["at"]) if job["at"] else None
    try:
        if "failed" in job:
            report = verifier.not_examined(
                FindingCode(job["failed"]),
                why=job["why"],
                name=job["name"],
                at=at,
                sha256=job["sha256"],
                size_bytes=job["size_bytes"],
            )
        else:
            held = [
                HeldFile(descriptor=descriptor, shown=shown)
                for descriptor, shown in zip(files, job["shown"], strict=True)
            ]
            rest = held[1:]
            if "read" in job:
                return _read(held[0], rest, name=job["name"])
            report = verifier.verify(
                held[0],
                name=job["name"],
                sidecar=rest.pop(0) if job["sidecar"] else None,
                fragments=rest,
                at=at,
            )
        return report.model_dump_json().encode()
    except Exception as error:  # noqa: BLE001 - one file's bug must not stop the others
        return _why_not(error)


def _why_not(error: Exception) -> dict[str, Any]:
    """What is said in place of a report."""
    if isinstance(error, MemoryError) or _NO_THREAD in str(error):
        return {"failed": FindingCode.MEMORY_EXHAUSTED, "why": "it asked for more than there is"}
    if isinstance(error, SourceError) and getattr(error.__cause__, "errno", None) in _DISK_IS_FULL:
        return {"failed": FindingCode.SCRATCH_EXHAUSTED, "why": str(error)}
    if isinstance(error, SourceError | RegisterError | LimitError):
        return {"source": str(error)}
    trace = "".join(traceback.format_exception(error))
    return {"bug": type(error).__name__, "why": str(error), "trace": trace}


def _read(file: HeldFile, beside: Sequence[HeldFile], *, name: str | None) -> bytes:
    # Loaded by the host already, where its verifier was made for this.
    from provenance.runtime.workers.reading import read_held  # noqa: PLC0415

    return read_held(file, beside[0] if beside else None, name=name)


def _clear(scratch: Path) -> None:
    """Leave nothing of the last file to the next."""
    with os.scandir(scratch) as entries:
        for entry in entries:
            os.unlink(entry.path)  # noqa: PTH108 - the name as the system has it
