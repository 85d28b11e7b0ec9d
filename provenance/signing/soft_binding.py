"""The soft binding of a file: by it a copy without credentials leads back to them.

Spec: C2PA 2.5, "Soft binding assertion"; algorithm `io.iscc.v0` of the C2PA soft binding
algorithm list, whose entry leaves open how a value is written. Here it is the canonical
spelling of one content code of 256 bits, as ISO 24138 has it.
"""

from __future__ import annotations

from typing import Any

from provenance.credentials.manifest_store import Manifest
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = ["SOFT_BINDING_LABEL", "content_code_of", "soft_binding_assertion"]

SOFT_BINDING_LABEL = "c2pa.soft-binding"
_ISCC = "io.iscc.v0"


def soft_binding_assertion(iscc: str) -> dict[str, Any]:
    """The assertion, as the engine's manifest definition has it, of the whole asset."""
    return {
        "label": SOFT_BINDING_LABEL,
        "created": True,
        "data": {
            "alg": _ISCC,
            "blocks": [{"scope": {}, "value": iscc}],
            # No padding. The engine makes CBOR of JSON, which has no byte strings; it reads
            # an empty list as one.
            "pad": [],
        },
    }


def content_code_of(manifest: Manifest, limits: Limits = DEFAULT_LIMITS) -> str | None:
    """Which ISCC does this manifest bind the whole asset by, as `soft_binding_assertion` does?

    None where it names none, or more than one; what it names may be no content code.
    """
    found: list[str] = []
    for assertion in manifest.of_type(SOFT_BINDING_LABEL):
        try:
            body = assertion.decode_map(limits)
        except (MalformedError, LimitError):
            continue
        if body.get("alg") != _ISCC:
            continue
        match body.get("blocks"):
            case [{"scope": scope, "value": str() as value}] if scope == {}:
                found.append(value)
    return found[0] if len(found) == 1 else None
