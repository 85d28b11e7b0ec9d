"""The one adapter over a second, independent C2PA engine: bytes in, integrity answers out.

It is an optional extra (`encypher-c2pa`) and shares no code with the first engine.
It is asked whether the bytes match, and nothing else: whom it trusts is left out,
with telemetry, network and its built-in trust lists switched off in every call.

Its own `verify()` stores a telemetry preference in the user's home folder; the
functions beneath it, which it exports too, do not, so those are called.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any, BinaryIO

from provenance.errors import ConfigurationError, LimitError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = ["NOT_INSTALLED", "SecondAnswer", "SecondEngine", "SecondReading", "SecondState"]

_MODULE, _PACKAGE = "encypher_c2pa", "encypher-c2pa"
# None for `online` or `enabled` would leave the answer to the environment.
_OPTIONS = json.dumps(
    {
        "no_default_trust": True,
        "online": False,
        "online_allow_private_networks": False,
        "telemetry": {"enabled": False, "endpoint": None, "sdk_name": "python"},
    }
)
_UNSUPPORTED = "unsupported_mime"
NOT_INSTALLED = (
    "the second engine is not installed: pip install 'provenance-verifier[second-engine]'"
)
"""What to say where it is asked for and missing."""

_MAX_CODES = 100
_MISMATCH = re.compile(
    r"assertion\.(data|bmff|boxes|collection|multiAsset)Hash\.(mismatch|unknownBox|incorrectFileCount)"
)

# Sniffed types that the second engine calls otherwise.
_OTHER_NAMES = {"application/x-zip": "application/zip"}


class SecondState(StrEnum):
    """What does the second engine say about the bytes?

    `matches`: claim signature, assertions and hard binding are right.
    `mismatch`: at least one of them is not. `unreadable`: it could not tell.
    `unsupported`: it does not read this type. `missing`: it finds no manifest.
    """

    MATCHES = "matches"
    MISMATCH = "mismatch"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    MISSING = "missing"


class SecondAnswer(StrEnum):
    """Its answer to one of the three questions."""

    MATCHES = "matches"
    MISMATCH = "mismatch"
    NONE = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReading:
    """What the second engine says about one asset.

    Attributes:
        state: All in all.
        signature: Does the claim signature belong to the claim?
        assertions: Are the assertions those that the claim was signed over?
        content: Are the asset's bytes those of the hard binding?
        codes: Failures it reports, of every kind, as they are called in the specification.
        message: Its words, where there is no report.
    """

    state: SecondState
    signature: SecondAnswer = SecondAnswer.NONE
    assertions: SecondAnswer = SecondAnswer.NONE
    content: SecondAnswer = SecondAnswer.NONE
    codes: tuple[str, ...] = ()
    message: str = ""


class SecondEngine:
    """The second engine, for many files.

    Raises:
        ConfigurationError: It is not installed.
    """

    def __init__(self) -> None:
        if not self.available():
            raise ConfigurationError(NOT_INSTALLED)
        self._module: Any = importlib.import_module(_MODULE)

    @staticmethod
    def available() -> bool:
        """Is it installed?"""
        return importlib.util.find_spec(_MODULE) is not None

    @property
    def version(self) -> str:
        """Which version is it?"""
        return version(_PACKAGE)

    def read(
        self,
        stream: BinaryIO,
        media_type: str,
        *,
        manifest: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> SecondReading:
        """What does it find in this asset?

        It holds the asset in memory as a whole. Fragments are not given to it: it hashes
        them by another reading of the specification than the first engine.

        Args:
            stream: The asset, seekable, from its start.
            media_type: As sniffed from the bytes.
            manifest: A manifest store kept beside the asset.
            limits: `max_second_engine_bytes` bounds what is held.

        Raises:
            LimitError: The asset is larger.
        """
        stream.seek(0)
        asset = stream.read(limits.max_second_engine_bytes + 1)
        if len(asset) > limits.max_second_engine_bytes:
            raise LimitError(
                f"more bytes than max_second_engine_bytes ({limits.max_second_engine_bytes})"
            )
        named = _OTHER_NAMES.get(media_type, media_type)
        try:
            if manifest is not None:
                answer = self._module.verify_detached_bytes(asset, manifest, named, _OPTIONS)
            else:
                answer = self._module.verify_bytes(asset, named, _OPTIONS)
            document = json.loads(answer)
        except ValueError as error:
            message = str(error)
            unsupported = message.startswith(_UNSUPPORTED)
            state = SecondState.UNSUPPORTED if unsupported else SecondState.UNREADABLE
            return SecondReading(state=state, message=message)
        if not isinstance(document, dict):
            return SecondReading(state=SecondState.UNREADABLE, message="its report is no map")
        return _reading(document)


def _reading(document: dict[str, Any]) -> SecondReading:
    results = document.get("validation_results")
    failures = results.get("failure") if isinstance(results, dict) else None
    successes = results.get("success") if isinstance(results, dict) else None
    failed, passed = _codes(failures), _codes(successes)
    if document.get("present") is not True:
        return SecondReading(state=SecondState.MISSING, codes=failed[:_MAX_CODES])
    # Its summaries also say "mismatch" for what it cannot read; the codes tell.
    signature = _answer(
        proven=document.get("signature") == "valid", accused="claimSignature.mismatch" in failed
    )
    content = _answer(
        proven=document.get("hard_binding") == "match",
        accused=any(_MISMATCH.fullmatch(code) for code in failed),
    )
    assertions = _answer(
        proven="assertion.hashedURI.match" in passed,
        accused="assertion.hashedURI.mismatch" in failed,
    )
    answers = (signature, assertions, content)
    if SecondAnswer.MISMATCH in answers:
        state = SecondState.MISMATCH
    elif set(answers) == {SecondAnswer.MATCHES}:
        state = SecondState.MATCHES
    else:
        state = SecondState.UNREADABLE
    return SecondReading(
        state=state,
        signature=signature,
        assertions=assertions,
        content=content,
        codes=failed[:_MAX_CODES],
    )


def _answer(*, proven: bool, accused: bool) -> SecondAnswer:
    if accused:
        return SecondAnswer.MISMATCH
    return SecondAnswer.MATCHES if proven else SecondAnswer.NONE


def _codes(statuses: object) -> tuple[str, ...]:
    if not isinstance(statuses, list):
        return ()
    return tuple(
        dict.fromkeys(str(entry.get("code")) for entry in statuses if isinstance(entry, dict))
    )
