"""The soft binding of a file: by it a copy without credentials leads back to them.

Spec: C2PA 2.5, "Soft binding assertion"; algorithm `io.iscc.v0` of the C2PA soft binding
algorithm list, whose entry leaves open how a value is written. Here it is the canonical
spelling of one content code of 256 bits, as ISO 24138 has it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["SOFT_BINDING_LABEL", "soft_binding_assertion"]

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
