"""The operator's settings for the service: the table `[service]`, or `PROVENANCE_SERVICE_*`."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from provenance.runtime.setting_types import SettingPath

__all__ = ["ServiceSettings"]

_MIB = 1024**2
_EVERYBODY = "*"


def _rate(text: str) -> str:
    # It reads like "600/minute"; the library takes long to import, and says it all.
    from limits import parse_many  # noqa: PLC0415

    try:
        parse_many(text)
    except ValueError as error:
        raise ValueError(f"expected a rate like 600/minute, got {text!r:.60}") from error
    return text


def _origin(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme not in {"http", "https"} or not rest or set("/?#@*") & set(rest):
        raise ValueError(f"expected an origin like https://www.example.org, got {text!r:.60}")
    return text.lower()


def _proxies(entries: tuple[str, ...]) -> tuple[str, ...]:
    proxies = tuple(entry.strip() for entry in entries)
    for entry in proxies if proxies != (_EVERYBODY,) else ():
        try:
            ip_network(entry)
        except ValueError as error:
            # Nobody would ever be met under it, and nobody be told.
            raise ValueError(
                "expected an address, a network like 10.0.0.0/8 with no bits set behind it, "
                f"or {_EVERYBODY} alone, got {entry!r:.60}"
            ) from error
    return proxies


Rate = Annotated[str, AfterValidator(_rate)]
Origin = Annotated[str, AfterValidator(_origin)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Proxies = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_proxies)]


class ServiceSettings(BaseModel):
    """What `provenance serve` goes by.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        public_url: Where clients reach it, if not at the address they asked; what links
            in answers begin with.
        trusted_hosts: Names that requests may be addressed to.
        trusted_proxies: Addresses and networks whose `X-Forwarded-For` is believed; IPv4 in
            either spelling, as `10.0.0.2` or `::ffff:10.0.0.2`; `*` alone: everybody.
        cors_origins: Origins of pages that may read answers.
        uploads: Folder of uploads; by default in the home folder. Several processes on one
            register share it.
        policies: Folder of policies, `*.yaml`.
        default_policy: Which one holds where a request names none.
        test: Test mode: its directory, policies and keys are those for tests, or it does
            not start.
        anonymous: Whether those without a key may verify and look up.
        max_upload_bytes: Largest file that is taken.
        idle_s: Longest wait for the next bytes of an upload, or of a file that is named by a URL.
        upload_s: Longest time that one upload may take.
        min_upload_bytes_per_s: How fast the bytes of an upload, or of a file that is named by a
            URL, have to come, on average; 0 for any speed.
        min_upload_rate_after_s: For how long that is not asked, at its beginning.
        min_free_bytes: How much room the disk must have left for uploads to be taken, and while
            they are.
        report_days: How long reports are kept.
        by_reference: Whether files that are named by a URL may be verified and looked up.
        rate_per_key: How many requests a key may make.
        rate_per_address: How many requests an address without a key may make.
        max_uploads: How many uploads are taken at the same time.
        max_uploads_per_address: How many of them from an address without a key; by default
            an eighth.
        max_uploads_per_key: How many of them with one key; by default half.
        workers: Processes that examine files; one a processor by default.
        webhook_attempts: After how many failures a message is given up.
        signing_key: Ed25519 key (PEM, readable by its owner alone) that badges are signed with;
            without one there are none.
        badge_days: How long a badge holds.
        refresh_s: How often the directory and the lists are looked at for news.
        grace_s: How long a request may still take when the service is stopped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: Origin | None = None
    trusted_hosts: Names = ("localhost", "127.0.0.1", "[::1]")
    trusted_proxies: Proxies = ()
    cors_origins: Annotated[tuple[Origin, ...], Field(strict=False)] = ()
    uploads: SettingPath | None = None
    policies: SettingPath | None = None
    default_policy: str = "default"
    test: bool = False
    anonymous: bool = True
    max_upload_bytes: Annotated[int, Field(ge=1)] = 4096 * _MIB
    idle_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    upload_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    min_upload_bytes_per_s: Annotated[int, Field(ge=0, le=1024**3)] = 4096
    min_upload_rate_after_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * _MIB
    report_days: Annotated[int, Field(ge=1, le=3650)] = 30
    by_reference: bool = False
    rate_per_key: Rate = "6000/minute"
    rate_per_address: Rate = "120/minute"
    max_uploads: Annotated[int, Field(ge=1, le=10_000)] = 256
    max_uploads_per_address: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_uploads_per_key: Annotated[int, Field(ge=1, le=10_000)] | None = None
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    webhook_attempts: Annotated[int, Field(ge=1, le=50)] = 12
    signing_key: SettingPath | None = None
    badge_days: Annotated[int, Field(ge=1, le=90)] = 30
    refresh_s: Annotated[float, Field(gt=0, le=86_400)] = 20.0
    grace_s: Annotated[int, Field(ge=0, le=3600)] = 30

    @model_validator(mode="after")
    def _shares(self) -> Self:
        for name in ("max_uploads_per_address", "max_uploads_per_key"):
            share = getattr(self, name)
            if share is not None and share > self.max_uploads:
                raise ValueError(
                    f"{name}: expected at most max_uploads ({self.max_uploads}), got {share}"
                )
        return self

    @property
    def base_url(self) -> str:
        """Where is the service reached, as far as the settings say? No slash at its end."""
        # RFC 3986 §3.2.2: the colons of an IPv6 address are not the one before the port.
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def uploads_per_address(self) -> int:
        """How many uploads may an address without a key have going on?"""
        return self.max_uploads_per_address or max(1, self.max_uploads // 8)

    @property
    def uploads_per_key(self) -> int:
        """How many uploads may a key have going on?"""
        return self.max_uploads_per_key or max(1, self.max_uploads // 2)

    @classmethod
    def lists(cls) -> frozenset[str]:
        """Settings that are several values; in the environment, commas stand between them."""
        return frozenset({"trusted_hosts", "trusted_proxies", "cors_origins"})
