"""The operator's settings for the staff: the table `[staff]`, or `PROVENANCE_STAFF_*`."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from provenance.runtime.setting_types import SettingPath
from provenance.staff.roles import Role

__all__ = ["StaffSettings"]

_OWN_MACHINE = {"localhost", "127.0.0.1", "::1"}
_MAX_CHARS = 400


def _issuer(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment or "@" in parts.netloc or len(text) > _MAX_CHARS:
        raise ValueError(f"expected an issuer like https://id.example.org, got {text!r:.60}")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _OWN_MACHINE):
        raise ValueError(f"expected an https issuer, got {text!r:.60}")
    return text


def _role_of_group(text: str) -> str:
    group, _, role = text.rpartition("=")
    if not group or role not in {known.value for known in Role}:
        raise ValueError(f"expected GROUP=ROLE, got {text!r:.60}")
    return text


Names = Annotated[tuple[str, ...], Field(strict=False)]
Issuer = Annotated[str, AfterValidator(_issuer)]
RoleOfGroup = Annotated[str, AfterValidator(_role_of_group)]


class StaffSettings(BaseModel):
    """How members of the staff sign in.

    Attributes:
        key_file: 32 bytes, readable by the owner alone, that secrets are encrypted with; by
            default `staff.key` in the home folder, made when it is first needed. Several
            processes on one register share it.
        session_hours: How long a session lasts, whatever happens.
        idle_minutes: How long without a request.
        fresh_minutes: For how long after a proof something high-impact may be done.
        enrolment_hours: How long a link for enrolment counts.
        oidc_issuer: The identity provider, by its issuer; without one there is none.
        oidc_client_id: What it calls this service.
        oidc_secret_file: File of the secret that it knows this service by.
        oidc_hosts: `host` or `host:port` where its endpoints may be, beside the issuer's own.
        oidc_roles_claim: The claim of its id token that names groups.
        oidc_roles: `GROUP=ROLE`: which role a group means. Without any, roles are given
            here alone, and nothing that a token says changes them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key_file: SettingPath | None = None
    session_hours: Annotated[float, Field(gt=0, le=24 * 7)] = 12.0
    idle_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 30.0
    fresh_minutes: Annotated[float, Field(gt=0, le=60)] = 10.0
    enrolment_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 72.0
    oidc_issuer: Issuer | None = None
    oidc_client_id: Annotated[str, Field(min_length=1, max_length=_MAX_CHARS)] | None = None
    oidc_secret_file: SettingPath | None = None
    oidc_hosts: Names = ()
    oidc_roles_claim: Annotated[str, Field(min_length=1, max_length=120)] = "groups"
    oidc_roles: Annotated[tuple[RoleOfGroup, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("expected oidc_issuer and oidc_client_id together")
        groups = [entry.rpartition("=")[0] for entry in self.oidc_roles]
        for group in groups:
            if groups.count(group) > 1:
                # One of its roles would be left out, and nobody told.
                raise ValueError(f"oidc_roles: expected each group once, got {group!r:.60} twice")
        return self

    @classmethod
    def lists(cls) -> frozenset[str]:
        """Settings that are several values; in the environment, commas stand between them."""
        return frozenset({"oidc_hosts", "oidc_roles"})
