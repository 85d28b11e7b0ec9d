"""Manifests, readings and parties made by hand, so that one rung is tested at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pytest

from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.engine import EngineReading, EngineState, EngineStatus
from provenance.credentials.jumbf import SuperBox, parse_jumbf
from provenance.credentials.manifest_store import (
    Assertion,
    Claim,
    HashedUri,
    Manifest,
    ManifestStore,
)
from provenance.limits import DEFAULT_LIMITS
from provenance.verification.party import Party
from tests.factory.stores import Box

_CBOR = b"cbor" + bytes(12)


def _superbox(label: str, content: bytes) -> SuperBox:
    description = Box(b"jumd", _CBOR + b"\x03" + label.encode() + b"\0")
    data = Box(b"jumb", children=[description, Box(b"cbor", content)]).to_bytes()
    return parse_jumbf(data, DEFAULT_LIMITS)[0]


def _assertion(label: str, said: Any, *, created: bool = True) -> tuple[Assertion, HashedUri]:
    box = _superbox(label, cbor2.dumps(said))
    digest = hashlib.sha256(box.payload).digest()
    uri = HashedUri(f"self#jumbf=c2pa.assertions/{label}", digest, None)
    return Assertion(label, box, created, referenced=True), uri


@dataclass(slots=True)
class Makes:
    """Makes manifests, and keeps them in the order in which they were made."""

    made: dict[str, Manifest] = field(default_factory=dict)

    def manifest(
        self,
        label: str,
        *,
        kind: Any = "standard",
        parents: Sequence[str] = (),
        components: Sequence[str] = (),
        hard_bindings: int = 1,
        assertions: Mapping[str, Any] | None = None,
        wrong_digest: bool = False,
        redacted: Sequence[str] = (),
    ) -> Manifest:
        """A manifest that names these others as its ingredients, made already or not."""
        built = []
        named = [("parentOf", p) for p in parents] + [("componentOf", c) for c in components]
        for number, (relationship, other) in enumerate(named):
            digest = (
                hashlib.sha256(self.made[other].box.payload).digest()
                if other in self.made and not wrong_digest
                else bytes(32)
            )
            said = {
                "relationship": relationship,
                "dc:title": other,
                "activeManifest": {"url": f"self#jumbf=/c2pa/{other}", "hash": digest},
            }
            suffix = f"__{number}" if number else ""
            built.append(_assertion(f"c2pa.ingredient.v3{suffix}", said))
        for number in range(hard_bindings if kind == "standard" else 0):
            suffix = f"__{number}" if number else ""
            built.append(
                _assertion(f"c2pa.hash.data{suffix}", {"hash": bytes(32), "alg": "sha256"})
            )
        built += [_assertion(name, said) for name, said in (assertions or {}).items()]
        fields: dict[str, Any] = {"alg": "sha256", "redacted_assertions": list(redacted)}
        claim = Claim(2, b"claim", fields, tuple(uri for _, uri in built), ())
        made = Manifest(
            label,
            kind,
            _superbox(label, f"{label} {len(built)}".encode()),
            claim,
            b"signature",
            {assertion.label: assertion for assertion, _ in built},
        )
        self.made[label] = made
        return made

    def store(self) -> ManifestStore:
        """All of them; the last one made is the active one."""
        return ManifestStore(b"", dict(self.made), {})


class SamePartyJudge:
    """Every manifest is signed by somebody whose signature holds; nobody is recognised."""

    def judge(self, _manifest: Manifest) -> Party:
        return Party(signature=SignatureAnswer.VALID)


@pytest.fixture
def makes() -> Makes:
    return Makes()


@pytest.fixture
def everybody() -> Any:
    return SamePartyJudge()


@pytest.fixture
def reading() -> Callable[..., EngineReading]:
    """What the engine says, in codes; about the active manifest unless a URL is given."""

    def make(
        label: str = "active",
        *,
        success: Sequence[str | tuple[str, str]] = (
            "claimSignature.validated",
            "assertion.dataHash.match",
        ),
        failures: Sequence[str | tuple[str, str]] = (),
    ) -> EngineReading:
        def status(code: str | tuple[str, str]) -> EngineStatus:
            code, url = code if isinstance(code, tuple) else (code, f"self#jumbf=/c2pa/{label}/x")
            return EngineStatus(code, url, "")

        return EngineReading(
            state=EngineState.MANIFEST,
            active_label=label,
            success=tuple(map(status, success)),
            failures=tuple(map(status, failures)),
        )

    return make
