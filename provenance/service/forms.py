"""Forms with files, as browsers send them: streamed, with a bound on everything in them.

Spec: RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Self

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from provenance.limits import DEFAULT_LIMITS
from provenance.runtime.uploads import NewUpload, Upload, UploadFolder
from provenance.service.bodies import check_encoding, content_length, each_chunk
from provenance.service.callers import parts_of
from provenance.service.problems import Problem, ProblemKind

__all__ = ["Form", "FormUpload", "receive_form"]

_FILE, _SIDECAR, _NAME = "file", "sidecar", "name"
_MAX_PARTS = 3
_MAX_HEADER_BYTES = 8 * 1024
_MAX_NAME_BYTES = 1600
# What surrounds the parts of an honest form.
_OVERHEAD_BYTES = 64 * 1024
_MAX_BOUNDARY_BYTES = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class FormUpload:
    """What a form brought.

    Attributes:
        file: The file.
        sidecar: Credentials kept beside it.
        name: What the sender calls the file.
    """

    file: Upload
    sidecar: Upload | None = None
    name: str | None = None


async def receive_form(request: Request) -> FormUpload:
    """The parts `file`, and optionally `sidecar` and `name`, of a form; any other is refused.

    Raises:
        Problem: It is no such form, its file is empty, or it arrives too slowly.
        LimitError: A part is larger than is taken.
        StoreError: There is no room, or no folder.
    """
    parts = parts_of(request)
    check_encoding(request)
    most = parts.settings.service.max_upload_bytes
    whole = most + DEFAULT_LIMITS.max_manifest_store_bytes + _OVERHEAD_BYTES
    announced = content_length(request)
    if announced is not None and announced > whole:
        raise Problem(
            ProblemKind.TOO_LARGE,
            f"expected at most {whole} bytes, got {announced}",
            headers={"Connection": "close"},
        )
    parts.uploads.check_room(announced or 0)
    with Form(parts.uploads, most, _boundary(request)) as form:

        async def take(chunk: bytes) -> None:
            await asyncio.to_thread(form.feed, chunk)

        await each_chunk(request, take)
        taken = form.finish()
    request.app.state.metrics.taken(taken.file.size_bytes)
    return taken


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= _MAX_BOUNDARY_BYTES:
        raise Problem(
            ProblemKind.UNSUPPORTED_BODY, "Content-Type: expected multipart/form-data with boundary"
        )
    return boundary


@dataclass(slots=True)
class _Part:
    """The part that is being read."""

    header_bytes: int = 0
    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    into: NewUpload | bytearray | None = None
    name: str = ""


class Form:
    """A form that is arriving; a context manager that leaves nothing behind unless finished."""

    def __init__(self, uploads: UploadFolder, max_bytes: int, boundary: bytes) -> None:
        self._uploads = uploads
        self._max_bytes = max_bytes
        self._held = ExitStack()
        self._part = _Part()
        self._count = 0
        self._files: dict[str, NewUpload] = {}
        self._name: bytearray | None = None
        self._file_name: str | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_end": self._end,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._held.close()

    def feed(self, chunk: bytes) -> None:
        """Take more of it."""
        with _malformed():
            self._parser.write(chunk)

    def finish(self) -> FormUpload:
        """All has arrived."""
        with _malformed():
            self._parser.finalize()
        file, sidecar = self._files.get(_FILE), self._files.get(_SIDECAR)
        if not self._ended:
            raise Problem(ProblemKind.BAD_REQUEST, "the form ended before its end")
        if file is None or file.size_bytes == 0:
            raise Problem(ProblemKind.EMPTY_UPLOAD)
        name = self._file_name
        if self._name is not None:
            name = self._name.decode("utf-8", "replace")
        return FormUpload(
            file=file.finish(),
            # A browser sends an empty part for a field that nobody filled in.
            sidecar=sidecar.finish() if sidecar is not None and sidecar.size_bytes else None,
            name=name or None,
        )

    def _part_begin(self) -> None:
        self._count += 1
        if self._count > _MAX_PARTS:
            raise _too_many()
        self._part = _Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.value += data[start:end]

    def _count_header(self, size: int) -> None:
        self._part.header_bytes += size
        if self._part.header_bytes > _MAX_HEADER_BYTES:
            raise _too_many()

    def _header_end(self) -> None:
        if bytes(self._part.header).lower() == b"content-disposition":
            self._part.disposition = bytes(self._part.value)
        self._part.header.clear()
        self._part.value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._part.disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name == _NAME and self._name is None:
            self._name = self._part.into = bytearray()
        elif name in {_FILE, _SIDECAR} and name not in self._files:
            limit = DEFAULT_LIMITS.max_manifest_store_bytes
            new = self._uploads.new(max_bytes=self._max_bytes if name == _FILE else limit)
            self._files[name] = self._part.into = self._held.enter_context(new)
            if name == _FILE:
                given = options.get(b"filename", b"")[:_MAX_NAME_BYTES]
                self._file_name = given.decode("utf-8", "replace")
        else:
            raise _too_many()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        into = self._part.into
        if isinstance(into, NewUpload):
            into.write(data[start:end])
        elif into is not None:
            into += data[start:end]
            if len(into) > _MAX_NAME_BYTES:
                raise _too_many()

    def _end(self) -> None:
        self._ended = True


@contextmanager
def _malformed() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise Problem(ProblemKind.BAD_REQUEST, "the form is malformed") from error


def _too_many() -> Problem:
    return Problem(
        ProblemKind.TOO_MANY_PARTS,
        f"expected a part {_FILE!r}, and at most once each {_SIDECAR!r} and {_NAME!r}",
        headers={"Connection": "close"},
    )
