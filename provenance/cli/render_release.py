"""What the register says, as lines for a person: the release, and what a file resembles."""

from __future__ import annotations

from collections.abc import Mapping

from provenance.cli.moments import moment_text, release_span_text
from provenance.cli.terminal import printable, quoted
from provenance.report import Release, Resemblance

__all__ = ["release_text", "resemblance_text"]

_MAX_SPANS = 3


def release_text(release: Release) -> str:
    """What has become of the release, and since when is it stated?"""
    text = f"{release.state.value}: {release.why}" if release.why else release.state.value
    if release.id is None:
        return printable(text)
    parts = [f"{_name(release.id, release.title)}, {text}"]
    if release.reason:
        parts.append(f"reason: {release.reason}")
    if release.replaced_by:
        parts.append(f"replaced by {release.replaced_by}")
    if release.rendition_of:
        parts.append("a transcode that the agency made itself")
    if release.first_stated_at:
        parts.append(f"first stated by the agency on {moment_text(release.first_stated_at)}")
    if release.log:
        parts.append(
            f"entry {release.log.entry} of the log {release.log.origin}, taken on "
            f"{moment_text(release.log.logged_at)}"
        )
    return printable("; ".join(parts))


def resemblance_text(lead: Resemblance) -> str:
    """Which release does the file resemble, and how do they differ?"""
    whose = f" of {lead.agency.name}" if lead.agency else ""
    apart = f", {lead.distance} of 256 bits apart" if lead.distance is not None else ""
    parts = [f"{_name(lead.release, lead.title)}{whose}{apart}"]
    if lead.edits:
        parts.append(f"the copy is {', '.join(lead.edits)}")
    if lead.differs:
        count = len(lead.differs)
        parts.append(f"it differs in {count} place{'' if count == 1 else 's'}")
    parts += [release_span_text(span, lead.edits) for span in lead.spans[:_MAX_SPANS]]
    return printable(f"{'; '.join(parts)}: a lead, not proof")


def _name(release: str, title: Mapping[str, str]) -> str:
    name = title.get("en") or next(iter(title.values()), None)
    return f"{quoted(name)} ({release})" if name else release
