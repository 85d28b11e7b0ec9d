"""Forms of fields without files, as browsers send them: read whole, in bounded memory.

Spec: WHATWG URL, application/x-www-form-urlencoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from provenance.service.bodies import check_encoding, each_chunk
from provenance.service.problems import Problem, ProblemKind

__all__ = ["parse_fields", "receive_fields"]

_KIND = "application/x-www-form-urlencoded"
# Korean takes nine bytes a letter in such a form.
_MAX_BODY_BYTES = 256 * 1024
_MAX_FIELDS = 24


async def receive_fields(request: Request) -> Mapping[str, str]:
    """The fields of the form that this request brings.

    Raises:
        Problem: It is no such form, too long, or arrives too slowly.
    """
    check_encoding(request)
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _KIND:
        raise Problem(ProblemKind.UNSUPPORTED_BODY, f"Content-Type: expected {_KIND}")
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > _MAX_BODY_BYTES:
            raise Problem(
                ProblemKind.TOO_LARGE,
                f"expected a form of at most {_MAX_BODY_BYTES} bytes",
                headers={"Connection": "close"},
            )

    await each_chunk(request, take)
    return parse_fields(bytes(body))


def parse_fields(body: bytes) -> Mapping[str, str]:
    """The fields of this form; lines end as they do everywhere else.

    Raises:
        Problem: It is malformed, has too many fields, or one of them twice.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MAX_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise Problem(ProblemKind.BAD_REQUEST, "the form is malformed") from error
    fields = {name: value.replace("\r\n", "\n").replace("\x00", "") for name, value in pairs}
    if len(fields) != len(pairs):
        raise Problem(ProblemKind.BAD_REQUEST, "the form has a field twice")
    return fields
