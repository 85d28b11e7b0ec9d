"""An upload hook for Django: an upload handler that sends each file on as it comes.

    PROVENANCE_URL=http://127.0.0.1:8080 PROVENANCE_KEY=pv_live_... python django_upload.py 8000

A form with a file is posted to `/uploads`; the answer says what to show beside it. In a
project of your own, put `ProvenanceUploadHandler` into `FILE_UPLOAD_HANDLERS`, before the
handler that stores files. Needs `pip install django`.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import uuid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

SERVICE = os.environ.get("PROVENANCE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("PROVENANCE_KEY", "")


class ProvenanceUploadHandler(FileUploadHandler):  # type: ignore[misc]
    """Passes every chunk on to the service, and to the next handler as it is."""

    chunk_size = 256 * 1024

    def new_file(self, *arguments: Any, **options: Any) -> None:
        """A file begins."""
        super().new_file(*arguments, **options)
        parts = urlsplit(SERVICE)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=120)
        self._connection.putrequest("PUT", "/v1/disclosures")
        for name, value in {
            "Authorization": f"Bearer {KEY}",
            "Idempotency-Key": uuid.uuid4().hex,
            "Transfer-Encoding": "chunked",
        }.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """More of the file."""
        del start
        self._connection.send(b"%x\r\n%b\r\n" % (len(raw_data), raw_data))
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The file has ended: what is said of it stands in `request.disclosures`."""
        del file_size
        self._connection.send(b"0\r\n\r\n")
        answer = self._connection.getresponse()
        document = json.loads(answer.read())
        self._connection.close()
        request: Any = self.request
        request.disclosures = [*getattr(request, "disclosures", []), (answer.status, document)]


def upload(request: HttpRequest) -> JsonResponse:
    """Take a form with a file, and say what to show beside it."""
    files = request.FILES  # reads the form, and so calls the handlers
    disclosures = getattr(request, "disclosures", [])
    if len(files) != 1 or len(disclosures) != 1:
        return JsonResponse({"error": "expected one file"}, status=400)
    ((status, document),) = disclosures
    if status != 200:
        # Neither pass nor fail: it could not be asked. 415: it is no media file.
        return JsonResponse({"error": document["title"]}, status=415 if status == 415 else 503)
    return JsonResponse({
        "show": document["text"],
        "verdict": document["verdict"],
        "provenance_data_available": document["provenance_data_available"],
        "system_or_device": document["system_or_device"],
        "digital_signature_available": document["digital_signature_available"],
        "inspect": document["report"]["url"],
    })  # fmt: skip


urlpatterns = [path("uploads", upload)]


def make_app() -> WSGIHandler:
    """A project with this one view."""
    import django  # noqa: PLC0415 - settings come first

    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        FILE_UPLOAD_HANDLERS=[
            f"{__name__}.{ProvenanceUploadHandler.__name__}",
            f"{TemporaryFileUploadHandler.__module__}.{TemporaryFileUploadHandler.__name__}",
        ],
        # A platform has its own sign-in, and its own protection against forged forms.
        MIDDLEWARE=[],
    )
    django.setup()
    return WSGIHandler()


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", int(sys.argv[1]), make_app()) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/uploads", flush=True)
        server.serve_forever()
