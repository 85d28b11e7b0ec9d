"""Fuzz targets for what clients send to the service: forms, documents, tokens, messages."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

from provenance.errors import LimitError
from provenance.runtime.uploads import UploadFolder
from provenance.service.binding_documents import BindingQuery, NewBinding, ReferenceQuery
from provenance.service.documents import JobRequest, Reference
from provenance.service.forms import Form
from provenance.service.oauth_routes import parse_token_form
from provenance.service.problems import Problem
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

_BOUNDARY = b"limit"
_MAX_FILE_BYTES = 4096


@cache
def _folder() -> UploadFolder:
    # It lasts as long as the process, like that of a service.
    place = tempfile.TemporaryDirectory(prefix="fuzz-uploads-")
    _kept.append(place)
    return UploadFolder(Path(place.name), min_free_bytes=0)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _form(data: bytes) -> None:
    """The first byte says where the body is cut in two, as a network would."""
    cut, body = data[:1], data[1:]
    at = len(body) * cut[0] // 256 if cut else 0
    folder = _folder()
    try:
        with Form(folder, _MAX_FILE_BYTES, _BOUNDARY) as form:
            form.feed(body[:at])
            form.feed(body[at:])
            taken = form.finish()
        for upload in (taken.file, taken.sidecar):
            if upload is not None:
                assert upload.path.stat().st_size == upload.size_bytes <= _MAX_FILE_BYTES
                folder.remove(upload.name)
    finally:
        left = [path.name for path in Path(folder.path("0" * 32)).parent.iterdir()]
        assert not left, left


def _part(head: str, value: str) -> str:
    return f"--limit\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n"


def _forms() -> Iterable[bytes]:
    file = _part('name="file"; filename="teaser.mp4"', "\x00\x01bytes")
    sidecar = _part('name="sidecar"; filename="a.c2pa"', "store")
    name = _part('name="name"', "티저 1")
    for body in (file, file + sidecar + name, name + file):
        yield b"\x80" + f"{body}--limit--\r\n".encode()


def _document(data: bytes) -> None:
    """The first byte says which document it is taken for."""
    model = _MODELS[data[0] % len(_MODELS)] if data else JobRequest
    read = model.model_validate_json(data[1:])
    # What was taken can be sent on, and is the same when it comes back.
    assert model.model_validate_json(read.model_dump_json()) == read


_URL = "https://cdn.aurora.example/teaser.mp4"
_SECRET = "whsec_" + "QUFB" * 11
_MODELS: tuple[type[BaseModel], ...] = (
    JobRequest,
    Reference,
    BindingQuery,
    NewBinding,
    ReferenceQuery,
)


def _documents() -> Iterable[bytes]:
    for number, document in (
        (0, {"policy": "default", "webhook": {"url": _URL, "secret": _SECRET}}),
        (0, {"references": [{"url": _URL, "name": "teaser.mp4"}]}),
        (1, {"url": _URL, "name": "티저", "policy": "default"}),
        (2, {"alg": "io.iscc.v0", "value": "AAAA"}),
        (3, {"bindingValue": "AAAA", "manifestId": "urn:c2pa:1", "alg": "io.iscc.v0"}),
        (4, {"referenceUrl": _URL, "assetLength": 10, "assetType": "video/mp4"}),
    ):
        yield bytes([number]) + json.dumps(document).encode()


TARGETS = (
    Target(
        name="form",
        run=_form,
        seeds=_forms,
        documented=(Problem, LimitError),
        tokens=(b"--limit\r\n", b"--limit--", b"Content-Disposition: ", b"name*=utf-8''", b"\r\n"),
        max_bytes=16 * 1024,
    ),
    Target(
        name="body-json",
        run=_document,
        seeds=_documents,
        documented=(ValidationError,),
        tokens=(b"null", b"NaN", b"1e999", b"\\ud800", b"\\u0000", b'"url"', b"https://", b"@"),
        max_bytes=16 * 1024,
    ),
    Target(
        name="body-token",
        run=parse_token_form,
        seeds=lambda: [b"grant_type=client_credentials&scope=verify&client_id=a&client_secret=b"],
        documented=(ValueError,),
        tokens=(b"&", b"=", b"%00", b"%ff", b"grant_type"),
        max_bytes=8 * 1024,
    ),
)
