"""What stands in the way of a plan: how does it differ from what the plan makes?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provenance.atomic_files import read_bounded
from provenance.credentials.manifest_store import ManifestStore, parse_manifest_store
from provenance.errors import ConfigurationError, LimitError, MalformedError, SourceError
from provenance.limits import DEFAULT_LIMITS
from provenance.media.sniff import sniff_stream
from provenance.media.source import open_source
from provenance.signing.plan import PlannedFile
from provenance.signing.signer import SignJob
from provenance.signing.soft_binding import SOFT_BINDING_LABEL, content_code_of
from provenance.untrusted import clean_text
from provenance.verification.asset import asset_of
from provenance.verification.stores import own_store

__all__ = ["other_soft_binding"]


def other_soft_binding(file: PlannedFile, job: SignJob) -> str | None:
    """Has the file that is there another soft binding than the plan's, in words?

    The soft binding is the one claim that no release manifest holds: it is made of the file,
    and of a video only where `ffmpeg` is at hand. So a plan of the same release comes out
    otherwise on another machine. None where they are the same, and where it cannot be told.
    """
    try:
        store = _store_of(job)
        before = None if store is None else content_code_of(store.active)
    except (ConfigurationError, SourceError, MalformedError, LimitError):
        return None
    now = _planned(job.content.manifest)
    if store is None or before == now:
        return None
    of_video = file.media_type.startswith("video/")
    if now is None:
        hint = ", which is made of videos where ffmpeg is at hand" if of_video else ""
        return f"it has the soft binding {clean_text(before)}, and this plan has none{hint}"
    if before is None:
        hint = ", made with the ffmpeg that is at hand here" if of_video else ""
        return f"it has no soft binding, and this plan has one{hint}"
    return f"its soft binding is {clean_text(before)}, and that of this plan {now}"


def _planned(manifest: dict[str, Any]) -> str | None:
    for assertion in manifest["assertions"]:
        if assertion["label"] == SOFT_BINDING_LABEL:
            return str(assertion["data"]["blocks"][0]["value"])
    return None


def _store_of(job: SignJob) -> ManifestStore | None:
    if job.sidecar:
        data = read_bounded(Path(job.sidecar_path), DEFAULT_LIMITS.max_manifest_store_bytes)
        return parse_manifest_store(data)
    with open_source(job.out, limits=DEFAULT_LIMITS) as opened:
        media_format = sniff_stream(opened.stream, opened.size_bytes)
        if media_format is None:
            return None
        asset = asset_of(opened.stream, opened.size_bytes, media_format, DEFAULT_LIMITS)
        return own_store(asset, DEFAULT_LIMITS)
