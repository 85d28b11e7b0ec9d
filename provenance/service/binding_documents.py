"""Documents of the Soft Binding Resolution API.

Spec: C2PA Soft Binding Resolution API 2.4 (OpenAPI, `info.version` 2.4.0).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

__all__ = [
    "SPEC_VERSION",
    "AlgorithmName",
    "BindingQuery",
    "Capabilities",
    "Discovery",
    "Match",
    "NamedAlgorithm",
    "NewBinding",
    "QueryResult",
    "ReferenceQuery",
    "ServiceStatus",
    "StoredManifestId",
    "SupportedAlgorithms",
]

SPEC_VERSION = "2.4.0"

AlgorithmName = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9._-]+$")]
BindingValue = Annotated[str, Field(min_length=1, max_length=8192, pattern="^[A-Za-z0-9+/_=-]+$")]
ManifestId = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[!-~]+$")]


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BindingQuery(_In):
    """A soft binding that is looked up: Base64 of the algorithm's own form."""

    alg: AlgorithmName
    value: BindingValue


class ReferenceQuery(_In):
    """A file that is named by where it is."""

    referenceUrl: Annotated[str, Field(max_length=2000, pattern=r"^https://[!-~]+$")]  # noqa: N815
    assetLength: Annotated[int, Field(ge=1)]  # noqa: N815 - the standard's names
    assetType: Annotated[str | None, Field(max_length=200)] = None  # noqa: N815


class NewBinding(_In):
    """A soft binding that is to lead to a manifest. The standard has no `alg` here."""

    bindingValue: BindingValue  # noqa: N815 - the standard's names
    manifestId: ManifestId  # noqa: N815
    alg: AlgorithmName | None = None


class Match(_Out):
    """A manifest that was found."""

    manifestId: str  # noqa: N815 - the standard's names
    endpoint: str | None = None
    similarityScore: Annotated[int, Field(ge=0, le=100)] | None = None  # noqa: N815


class QueryResult(_Out):
    """The manifests that were found, the nearest first; none is an answer too."""

    matches: tuple[Match, ...]


class StoredManifestId(_Out):
    """The manifest that was stored."""

    manifestId: str  # noqa: N815 - the standard's name


class NamedAlgorithm(_Out):
    """An algorithm, by its name on the C2PA list."""

    alg: str


class SupportedAlgorithms(_Out):
    """Algorithms of the soft bindings that are looked up."""

    watermarks: tuple[NamedAlgorithm, ...]
    fingerprints: tuple[NamedAlgorithm, ...]


class ServiceStatus(_Out):
    """How the service is."""

    status: Literal["ok", "degraded", "down"]
    timestamp: AwareDatetime


class Capabilities(_Out):
    """What the service does."""

    c2paSpecificationVersion: str = SPEC_VERSION  # noqa: N815 - the standard's names
    supportedCapabilities: tuple[str, ...]  # noqa: N815


class Discovery(_Out):
    """Where the service is."""

    apiEndpoint: str  # noqa: N815 - the standard's names
    c2paSpecificationVersion: str = SPEC_VERSION  # noqa: N815
    capabilitiesEndpoint: str  # noqa: N815
    statusEndpoint: str  # noqa: N815
