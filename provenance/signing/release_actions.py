"""The actions that a release says were taken on a file, by the rules of C2PA 2.5.

Spec: C2PA 2.5, "Actions" (list of pre-defined actions, mandatory actions, digital source
type, parameters, deprecated actions); the C2PA conformance programme's list of actions
that need no digital source type.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from provenance.credentials.consent import Moment
from provenance.signing.media_identifiers import Language
from provenance.signing.public_text import Text
from provenance.signing.release_part import ReleasePart
from provenance.verification.source_types import is_trained, source_type_term

__all__ = ["ReleaseAction", "Software", "SourceType", "source_type_uri"]

CREATED = "c2pa.created"
TRANSLATED = "c2pa.translated"

# Conformance: these say nothing about how content came to be.
_WITHOUT_SOURCE_TYPE = frozenset(
    (
        "c2pa.converted",
        "c2pa.edited.metadata",
        "c2pa.enhanced",
        "c2pa.published",
        "c2pa.repackaged",
        "c2pa.resized.proportional",
        "c2pa.transcoded",
        "c2pa.watermarked.unbound",
    )
)
_WITH_SOURCE_TYPE = frozenset(
    (
        "c2pa.addedText",
        "c2pa.adjustedColor",
        "c2pa.changedSpeed",
        CREATED,
        "c2pa.cropped",
        "c2pa.deleted",
        "c2pa.drawing",
        "c2pa.dubbed",
        "c2pa.edited",
        "c2pa.filtered",
        "c2pa.mastered",
        "c2pa.mixed",
        "c2pa.modified",
        "c2pa.orientation",
        "c2pa.remixed",
        "c2pa.rendered",
        "c2pa.resized",
        "c2pa.reviewed",
        TRANSLATED,
        "c2pa.trimmed",
        "c2pa.unknown",
    )
)
_ALLOWED = _WITHOUT_SOURCE_TYPE | _WITH_SOURCE_TYPE
_REFUSED = {
    "c2pa.opened": "it is written where the file, or an ingredient, is the parent",
    "c2pa.placed": "it is written for every ingredient that is a component",
    "c2pa.redacted": "nothing is redacted here",
    "c2pa.watermarked.bound": "no watermark is put in here",
    "c2pa.watermarked": "it is deprecated: c2pa.watermarked.unbound",
    "c2pa.color_adjustments": "it is deprecated: c2pa.adjustedColor",
    "c2pa.removed": "it is deprecated: c2pa.deleted",
} | dict.fromkeys(
    (
        "c2pa.copied",
        "c2pa.formatted",
        "c2pa.managed",
        "c2pa.printed",
        "c2pa.produced",
        "c2pa.saved",
        "c2pa.version_updated",
    ),
    "it is deprecated",
)
# Reverse domain names: `com.litware.grade`.
_OWN = re.compile(r"[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+){2,}")
_RESERVED = ("c2pa.", "cawg.", "font.")

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_C2PA = "http://c2pa.org/digitalsourcetype/"
_C2PA_TERMS = {"empty", "trainedAlgorithmicData"}
# Retired by IPTC; seen in files, not to be written any more.
_RETIRED = {
    "minorHumanEdits": "humanEdits",
    "softwareImage": "digitalCreation",
    "digitalArt": "digitalCreation",
}


def _source_type(value: str) -> str:
    term = source_type_term(value)
    if term is None:
        raise ValueError(
            "expected a digital source type of IPTC or C2PA, such as digitalCapture, "
            "digitalCreation or trainedAlgorithmicMedia"
        )
    if term in _RETIRED:
        raise ValueError(f"the source type {term} is retired: use {_RETIRED[term]}")
    return term


SourceType = Annotated[str, Field(max_length=200), AfterValidator(_source_type)]
"""How content came to be: a term of IPTC's or C2PA's vocabulary, by itself or as its address."""


def source_type_uri(term: str) -> str:
    """Under which address does the vocabulary have this term?"""
    return (_C2PA if term in _C2PA_TERMS else _IPTC) + term


class Software(ReleasePart):
    """The software or device that did something."""

    name: Text
    version: Text | None = None

    def definition(self) -> dict[str, str]:
        """As an action names it (generator info)."""
        return self.model_dump(exclude_none=True)


class ReleaseAction(ReleasePart):
    """One thing that was done to the content, as far as it is to be told."""

    action: Annotated[str, Field(max_length=100)] = Field(
        description="`c2pa.edited`, `c2pa.mastered`, ...; or one in a namespace of your own."
    )
    when: Moment | None = None
    software: Software | None = None
    description: Text | None = None
    digital_source_type: SourceType | None = None
    source_language: Language | None = None
    target_language: Language | None = None

    @model_validator(mode="after")
    def _by_the_rules(self) -> Self:
        name = self.action
        if name in _REFUSED:
            raise ValueError(f"{name} cannot be stated: {_REFUSED[name]}")
        if name not in _ALLOWED:
            if name.startswith(_RESERVED) or not _OWN.fullmatch(name):
                raise ValueError(f"{name[:60]!r} is no action of C2PA 2.5")
            if self.description is None:
                raise ValueError(f"{name} is an action of your own: it needs a description")
        if name in _WITH_SOURCE_TYPE - {CREATED} and self.digital_source_type is None:
            raise ValueError(
                f"{name} needs a digital_source_type: humanEdits, or a trained model's"
            )
        if name == CREATED and self.digital_source_type is not None:
            raise ValueError(
                "the source type of what was created is that of the file: state it there"
            )
        languages = (self.source_language, self.target_language)
        if name == TRANSLATED and None in languages:
            raise ValueError(f"{name} needs source_language and target_language")
        if name != TRANSLATED and languages != (None, None):
            raise ValueError(f"only {TRANSLATED} has source_language and target_language")
        return self

    @property
    def is_trained(self) -> bool:
        """Does it say that a trained model made something?"""
        return is_trained(self.digital_source_type)

    def definition(self) -> dict[str, Any]:
        """The action, as a manifest definition has it."""
        said: dict[str, Any] = {"action": self.action}
        if self.when is not None:
            said["when"] = self.when.isoformat()
        if self.software is not None:
            said["softwareAgent"] = self.software.definition()
        if self.description is not None:
            said["description"] = self.description
        if self.digital_source_type is not None:
            said["digitalSourceType"] = source_type_uri(self.digital_source_type)
        if self.source_language is not None:
            said["parameters"] = {
                "sourceLanguage": self.source_language,
                "targetLanguage": self.target_language,
            }
        return said
