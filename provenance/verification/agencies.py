"""How an agency of the directory is named in a report."""

from __future__ import annotations

from provenance.report import AgencyRef
from provenance.trust.directory import Agency

__all__ = ["agency_ref"]


def agency_ref(agency: Agency) -> AgencyRef:
    """Name this agency for a report, with where it publishes and how to reach it."""
    return AgencyRef(
        id=agency.id,
        name=agency.name,
        names={entry.language: entry.name for entry in agency.names},
        contact=dict(agency.contact),
        channels=tuple(channel.url for channel in agency.channels),
    )
