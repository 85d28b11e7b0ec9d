"""What the bare engine says about a file, for tests that hold its behaviour."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from c2pa import Context, Reader

from tests.factory.pki import Holder
from tests.factory.sign import OFFLINE

__all__ = ["EngineReading", "read"]

_PURPOSES = "1.3.6.1.4.1.62558.2.1\n1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReading:
    """The engine's state and the codes it gives for the active manifest."""

    state: str
    success: frozenset[str]
    informational: frozenset[str]
    failure: frozenset[str]
    document: dict[str, Any] = field(repr=False)

    @property
    def active(self) -> dict[str, Any]:
        """The active manifest as the engine describes it."""
        found: dict[str, Any] = self.document["manifests"][self.document["active_manifest"]]
        return found


def read(
    asset: bytes,
    media_type: str,
    *,
    anchors: Sequence[Holder | bytes] = (),
    tsa_anchors: Sequence[Holder | bytes] = (),
    store: bytes | None = None,
    fragment: bytes | None = None,
) -> EngineReading:
    """Read a file with the engine alone, offline.

    `store` is a sidecar's manifest store; `fragment` makes `asset` an initialisation
    segment. What the engine raises comes out.
    """
    trust = {
        "anchors": [
            {"trust_anchors": _pems(roots), "trust_kind": kind, "trust_uri": f"urn:test:{kind}"}
            for kind, roots in (("manifest", anchors), ("tsa", tsa_anchors))
            if roots
        ],
        "trust_config": _PURPOSES,
    }
    with Context.from_dict({**OFFLINE, "trust": trust}) as context:
        reader = Reader(media_type, io.BytesIO(asset), manifest_data=store, context=context)
        with reader:
            if fragment is not None:
                reader.with_fragment(media_type, io.BytesIO(asset), io.BytesIO(fragment))
            document = json.loads(reader.json())
    active = document.get("validation_results", {}).get("activeManifest", {})
    return EngineReading(
        state=document["validation_state"],
        success=_codes(active, "success"),
        informational=_codes(active, "informational"),
        failure=_codes(active, "failure"),
        document=document,
    )


def _codes(results: dict[str, Any], kind: str) -> frozenset[str]:
    return frozenset(status["code"] for status in results.get(kind, ()))


def _pems(roots: Sequence[Holder | bytes]) -> str:
    return "".join((r.pem if isinstance(r, Holder) else r).decode("ascii") for r in roots)
