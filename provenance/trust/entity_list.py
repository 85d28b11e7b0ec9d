"""The C2PA trust list's JSON form: a list of trusted entities with the times of their trust.

Spec: ETSI TS 119 602 (`LoTE`), as C2PA publishes it for its conformance programme.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from provenance.errors import MalformedError, TrustListError
from provenance.trust.certificates import Certificate, load_der

__all__ = ["EntityList", "parse_entity_list"]

_TRUSTED = "/trust-list/trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityList:
    """The certificates of a list, and when each of them is trusted.

    Attributes:
        certificates: In order of the list, those of entities no longer trusted included.
        windows: By SHA-256, the stretches of time with the status "trusted".
        issued_at: What the list says of itself. It is no proof of freshness: lists
            have been changed without it.
    """

    certificates: tuple[Certificate, ...]
    windows: Mapping[str, tuple[tuple[datetime, datetime | None], ...]]
    issued_at: datetime


class _Part(BaseModel):
    # A public list carries much that is of no concern here, and may grow.
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Certificate(_Part):
    val: str


class _Identity(_Part):
    X509Certificates: tuple[_Certificate, ...]


class _Status(_Part):
    ServiceStatus: str
    StatusStartingTime: AwareDatetime


class _Information(_Status):
    ServiceDigitalIdentity: _Identity


class _Service(_Part):
    ServiceInformation: _Information
    ServiceHistory: tuple[_Status, ...] = ()


class _Entity(_Part):
    TrustedEntityServices: tuple[_Service, ...]


class _Scheme(_Part):
    ListIssueDateTime: AwareDatetime


class _List(_Part):
    ListAndSchemeInformation: _Scheme
    TrustedEntitiesList: tuple[_Entity, ...]


class _Document(_Part):
    LoTE: _List


def _windows(service: _Service) -> tuple[tuple[datetime, datetime | None], ...]:
    """When was the status "trusted"? Each status lasts until the next begins."""
    statuses = sorted(
        (*service.ServiceHistory, service.ServiceInformation),
        key=lambda status: status.StatusStartingTime,
    )
    ends: list[datetime | None] = [status.StatusStartingTime for status in statuses[1:]]
    return tuple(
        (status.StatusStartingTime, end)
        for status, end in zip(statuses, [*ends, None], strict=True)
        if status.ServiceStatus.endswith(_TRUSTED)
    )


def parse_entity_list(text: str, *, where: str) -> EntityList:
    """Which certificates does this list trust, and when?

    Raises:
        TrustListError: Not such a list, or a certificate that cannot be read;
            names the file and the place.
    """
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise TrustListError(f"{where}: {place}: {first['msg']}") from error
    certificates: list[Certificate] = []
    windows: dict[str, tuple[tuple[datetime, datetime | None], ...]] = {}
    for number, entity in enumerate(document.LoTE.TrustedEntitiesList):
        for service in entity.TrustedEntityServices:
            identity = service.ServiceInformation.ServiceDigitalIdentity
            for entry in identity.X509Certificates:
                place = f"{where}, entity {number + 1}"
                try:
                    der = base64.b64decode("".join(entry.val.split()), validate=True)
                    certificate = load_der(der, where=place)
                # A ValueError where the text is not even ASCII.
                except (ValueError, MalformedError) as error:
                    raise TrustListError(f"{place}: unreadable certificate: {error}") from error
                certificates.append(certificate)
                # Listed twice: trusted whenever either entry says so.
                windows[certificate.sha256] = (
                    *windows.get(certificate.sha256, ()),
                    *_windows(service),
                )
    if not certificates:
        raise TrustListError(f"{where}: expected at least one certificate, got none")
    issued_at = document.LoTE.ListAndSchemeInformation.ListIssueDateTime
    return EntityList(certificates=tuple(certificates), windows=windows, issued_at=issued_at)
