"""Every fuzz target, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import bodies, containers, credentials, descriptions, documents, whole
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

TARGETS: Mapping[str, Target] = {
    target.name: target
    for module in (whole, containers, credentials, descriptions, documents, bodies)
    for target in module.TARGETS
}
