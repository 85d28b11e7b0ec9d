"""The operator's settings for moderation: table `[moderation]`, or `PROVENANCE_MODERATION_*`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from provenance.runtime.setting_types import SettingPath

__all__ = ["ModerationSettings"]

HelpLineText = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,80} https://[!-~]{1,300}$")]
Hours = Annotated[float, Field(gt=0, le=8760)]


class ModerationSettings(BaseModel):
    """How complaints are taken and decided. What a law sets is no setting.

    Attributes:
        contact_key: File with the keys that complainants' contacts are sealed with, a line
            `ID BASE64` each, readable by its owner alone; the first seals, the others only
            open. Without one there is no moderation at all: no complaint is taken that
            could not be kept safely.
        policies: Folder of policies, `*.yaml`, beside those that come with the program. A
            version that decisions were made under must not change.
        audit_roots: Folder into which the signed root of each day of the audit is written;
            `moderation/audit-roots` in the home folder by default. Signed with the
            service's signing key, if there is one.
        complaints_per_hour: How many complaints one address may file in an hour.
        complaints_per_day: How many in a day.
        address_days: How long the digest of the address stays with a complaint.
        claim_minutes: How long a case is whose who claimed it.
        answer_days: How long a case waits for somebody who complained and was asked; then
            the time to decide it goes on.
        decide_critical_hours: Within how long a case is to be decided, by its severity.
        decide_high_hours: The same.
        decide_medium_hours: The same.
        decide_low_hours: The same.
        due_soon_hours: How long before a clock is up it is said so.
        bulk_cap: How many subjects one decision may have.
        tick_s: How often it is looked whether a clock is up.
        help_lines: Where people who complain find help, `NAME https://ADDRESS` each, shown in
            place of those that come with the program.
        receivers: File (TOML, readable by its owner alone) of who is told what follows from
            decisions: tables `[[receiver]]` with `url`, `secret` (`whsec_...`), and where
            wanted `events` and `kind`: `platform`, or `mail` for the operator's own mail,
            whose `host:port` has to be in `network_allow`.
        uploader_language: In which language whoever uploaded is written to; messages to
            the platform carry the others too.
        label_days: How long a label holds that its decision does not end sooner.
        flood_expected: How many hits of one entry of the block list an hour are ordinary.
        flood_factor: How many times as many quarantine it.
        time_stamp_authority: Authority (RFC 3161) asked for time-stamps over evidence.
        release_log: Folder of the release log that this machine keeps: evidence then holds the
            proofs of the releases that a case is about.
        time_stamp_list: Its anchors (PEM); without them no time-stamp would count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    contact_key: SettingPath | None = None
    policies: SettingPath | None = None
    audit_roots: SettingPath | None = None
    complaints_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 20
    complaints_per_day: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    address_days: Annotated[int, Field(ge=1, le=365)] = 90
    claim_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    answer_days: Annotated[int, Field(ge=1, le=365)] = 14
    decide_critical_hours: Hours = 24.0
    decide_high_hours: Hours = 72.0
    decide_medium_hours: Hours = 168.0
    decide_low_hours: Hours = 336.0
    due_soon_hours: Hours = 6.0
    bulk_cap: Annotated[int, Field(ge=1, le=10_000)] = 200
    tick_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    help_lines: Annotated[tuple[HelpLineText, ...], Field(strict=False, max_length=10)] = ()
    receivers: SettingPath | None = None
    uploader_language: Annotated[str, Field(min_length=2, max_length=12)] = "en"
    label_days: Annotated[int, Field(ge=1, le=3650)] = 90
    flood_expected: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    flood_factor: Annotated[int, Field(ge=2, le=1000)] = 10
    release_log: SettingPath | None = None
    time_stamp_authority: Annotated[str, Field(pattern=r"^https?://[!-~]+$")] | None = None
    time_stamp_list: SettingPath | None = None

    @classmethod
    def lists(cls) -> frozenset[str]:
        """Settings that are several values; in the environment, commas stand between them."""
        return frozenset({"help_lines"})
