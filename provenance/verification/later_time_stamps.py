"""Time-stamps that an update manifest adds for a manifest signed before.

Spec: C2PA 2.5, "Time-stamp assertion" (`c2pa.time-stamp`).
"""

from __future__ import annotations

from collections.abc import Mapping

from provenance.credentials.cose import SIGNATURE_STAMP, TimeStampToken
from provenance.credentials.manifest_store import ManifestStore
from provenance.limits import Limits

__all__ = ["later_time_stamps"]


def later_time_stamps(
    store: ManifestStore, limits: Limits
) -> Mapping[str, tuple[TimeStampToken, ...]]:
    """Which tokens were added later, by label of the manifest they stamp?

    A token proves itself: by its imprint which signature it stamps, by its own
    signature who attests the time. So it does not matter which manifest of the
    store brings it, or who signed that one.
    """
    found: dict[str, list[TimeStampToken]] = {}
    for manifest in store.manifests.values():
        for assertion in manifest.of_type("c2pa.time-stamp"):
            for label, token in assertion.decode_map(limits).items():
                tokens = found.setdefault(label, [])
                # Each costs a signature check or more.
                if isinstance(token, bytes) and len(tokens) < limits.max_time_stamps:
                    tokens.append(TimeStampToken(SIGNATURE_STAMP, token))
    return {label: tuple(tokens) for label, tokens in found.items()}
