"""The digital source types, and which of them say that a trained model was used.

Sources: IPTC NewsCodes `digitalsourcetype`; C2PA 2.4 "Actions" (`digitalSourceType`).
"""

from __future__ import annotations

import re

__all__ = ["PARTLY_TRAINED", "WHOLLY_TRAINED", "is_trained", "source_type_term"]

WHOLLY_TRAINED = frozenset({"trainedAlgorithmicMedia", "trainedAlgorithmicData"})
"""Made by a trained model."""

PARTLY_TRAINED = frozenset({"compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"})
"""Made of several elements, at least one of them by a trained model."""

_TERMS = (
    WHOLLY_TRAINED
    | PARTLY_TRAINED
    | frozenset(
        (
            "algorithmicMedia",
            "algorithmicallyEnhanced",
            "composite",
            "compositeCapture",
            "computationalCapture",
            "dataDrivenMedia",
            "digitalArt",
            "digitalCapture",
            "digitalCreation",
            "empty",
            "humanEdits",
            "minorHumanEdits",
            "negativeFilm",
            "positiveFilm",
            "print",
            "screenCapture",
            "softwareImage",
            "virtualRecording",
        )
    )
)
_BY_LOWER_CASE = {term.lower(): term for term in _TERMS}
# The vocabularies' addresses, as they are written; XMP writers also give the bare term.
_ADDRESS = re.compile(
    r"(?:https?://(?:cv\.iptc\.org/newscodes|(?:www\.)?c2pa\.org)/digitalsourcetype/)?([A-Za-z]+)/?",
    re.IGNORECASE,
)


def source_type_term(value: str) -> str | None:
    """Which term of the vocabularies is this? None where it is none that is known.

    Letter case is not held against a writer: `TrainedAlgorithmicMedia` is seen in files.
    """
    match = _ADDRESS.fullmatch(value.strip()[:200])
    return _BY_LOWER_CASE.get(match[1].lower()) if match else None


def is_trained(term: str | None) -> bool:
    """Does this term say that a trained model made all or a part?"""
    return term in WHOLLY_TRAINED or term in PARTLY_TRAINED
