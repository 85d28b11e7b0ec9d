"""Signed reports: a report as its service's word, checked offline by anybody with the key."""

from __future__ import annotations

from joserfc.jwk import KeySet
from pydantic import ValidationError

from provenance.jws.keys import ServiceKey, open_statement, seal_statement
from provenance.report import Report

__all__ = ["open_report", "sign_report"]

KIND = "provenance-report+json"
_MAX_CHARS = 64 * 1024**2


def sign_report(document: bytes, key: ServiceKey) -> str:
    """Which compact JWS is this report, byte for byte, signed?

    Raises:
        ValueError: It is no report.
    """
    try:
        Report.model_validate_json(document)
    except ValidationError as error:
        raise ValueError("not a report: it does not keep to report.schema.json") from error
    return seal_statement(document, key, kind=KIND)


def open_report(token: str, keys: KeySet) -> tuple[Report, bytes] | None:
    """Which report is this, and in which bytes, if one of these keys signed it? Else None.

    It says what was judged then. It does not say that it would still come out the same.
    """
    if len(token) > _MAX_CHARS:
        return None
    payload = open_statement(token.strip(), keys, kind=KIND)
    if payload is None:
        return None
    try:
        return Report.model_validate_json(payload), payload
    except ValidationError:
        return None
