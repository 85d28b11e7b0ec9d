"""Signing through the C2PA engine, behind one function that shows none of its classes.

The engine is given settings under which it opens no connection. It would ask a
time-stamp authority by itself, and then neither an empty host list nor a resolver stops
it; so it is never given one. Time-stamps are put into the claim signature afterwards, by
`provenance.credentials.claim_stamps`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from c2pa import (
    Builder,
    C2paBuilderIntent,
    C2paDigitalSourceType,
    C2paError,
    C2paSigningAlg,
    Context,
    Signer,
)

from provenance.credentials.engine_identity import combine_signers
from provenance.errors import SigningError

__all__ = ["ClaimSigner", "IdentitySource", "IngredientSource", "Intent", "sign_stream"]

_ALGORITHMS = {
    "ES256": C2paSigningAlg.ES256,
    "ES384": C2paSigningAlg.ES384,
    "ES512": C2paSigningAlg.ES512,
    "PS256": C2paSigningAlg.PS256,
    "PS384": C2paSigningAlg.PS384,
    "PS512": C2paSigningAlg.PS512,
    "EdDSA": C2paSigningAlg.ED25519,
}

# RFC 9053 §2.1 and §2.2: two integers of the curve's length, or one Ed25519 signature.
# RSA signatures are as long as the modulus, so they have no entry.
_SIGNATURE_BYTES = {"ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64}

_ACTIONS_LABEL = "c2pa.actions"


class ClaimSigner(Protocol):
    """Something that can sign a claim: a key in memory, a token, a service."""

    @property
    def algorithm(self) -> str:
        """COSE name of the algorithm: ES256, ES384, ES512, PS256, PS384, PS512 or EdDSA."""
        ...

    @property
    def certificate_chain_pem(self) -> bytes:
        """The certificates in PEM, leaf first, the root left out."""
        ...

    def sign(self, data: bytes) -> bytes:
        """What is the signature over `data`, in the form COSE wants (ECDSA: raw r‖s)?"""
        ...


class Intent(StrEnum):
    """What a new manifest does to the asset it is made for.

    `CREATE` is a first manifest and has no parent. `EDIT` and `UPDATE` take the source
    as their parent unless another parent is among the ingredients; `UPDATE` makes an
    update manifest, which has no hard binding of its own and may change no content.

    Spec: C2PA 2.5, "Update manifests".
    """

    CREATE = "create"
    EDIT = "edit"
    UPDATE = "update"


_INTENTS = {
    Intent.CREATE: C2paBuilderIntent.CREATE,
    Intent.EDIT: C2paBuilderIntent.EDIT,
    Intent.UPDATE: C2paBuilderIntent.UPDATE,
}

_SOURCE_TYPES = {kind.name.replace("_", "").lower(): kind for kind in C2paDigitalSourceType}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngredientSource:
    """An asset that went into the one being signed.

    Attributes:
        stream: The ingredient's bytes, read from where the stream stands.
        media_type: Its media type.
        definition: The ingredient as the engine's manifest definition writes it:
            at least `title` and `relationship` (parentOf, componentOf, inputTo).
    """

    stream: BinaryIO
    media_type: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySource:
    """Somebody who puts their name to the asset, beside whoever signs the claim.

    Attributes:
        signer: Signs the statement.
        references: Labels of the assertions it is about; the hard binding is added.
        roles: What they were in the making of it, `cawg.publisher`.
    """

    signer: ClaimSigner
    references: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("cawg.publisher",)


def sign_stream(  # noqa: PLR0913 - one door, so that no engine class is seen outside
    source: BinaryIO,
    destination: BinaryIO,
    *,
    media_type: str,
    manifest: Mapping[str, Any],
    signer: ClaimSigner,
    identity: IdentitySource | None = None,
    ingredients: Sequence[IngredientSource] = (),
    sidecar: bool = False,
    intent: Intent | None = None,
    digital_source_type: str | None = None,
    remote_url: str | None = None,
) -> bytes:
    """What is the manifest store of `source`, signed and written to `destination`?

    The result is not read back: who needs to know that it verifies asks the verifier.
    Assertions with actions become created assertions unless their entry says otherwise,
    because the specification wants the mandatory one there and the engine would put it
    among the gathered ones. No thumbnail is made, so no pixel is decoded.

    Spec: C2PA 2.5, "Actions" (the mandatory action is in `created_assertions`).

    Args:
        source: The asset, readable and seekable.
        destination: Where the signed asset goes, opened for writing *and* reading
            (`w+b`), empty. With `sidecar` it receives the asset unchanged, but for
            the remote URL if there is one.
        media_type: Media type of the asset's container.
        manifest: The manifest definition, as the engine documents it.
        signer: Signs the claim.
        identity: Who else signs, in a `cawg.identity` assertion.
        ingredients: Assets that went into this one.
        sidecar: Leave the store out of the asset; the caller keeps it.
        intent: What the manifest does; `None` leaves actions and ingredients as
            `manifest` and `ingredients` have them.
        digital_source_type: With `Intent.CREATE`, the IPTC term (or its URI) that the
            engine writes into the `c2pa.created` action; without it C2PA's `empty`.
        remote_url: Where else the store can be had; written into the asset's XMP.

    Raises:
        SigningError: The definition, the asset or the signature is not usable. What
            `destination` holds then is undefined.
        Exception: Whatever `signer.sign` raises, or the identity's, comes out unchanged.
    """
    calls = [_SignerCall(signer)]
    if identity is not None:
        calls.append(_SignerCall(identity.signer))
    definition = _with_created_actions(manifest)
    try:
        with (
            Context.from_dict(_settings(definition)) as context,
            Builder.from_json(json.dumps(definition), context) as builder,
            _engine_signer(calls, identity) as engine_signer,
        ):
            _describe(builder, intent, digital_source_type, remote_url, sidecar=sidecar)
            for ingredient in ingredients:
                builder.add_ingredient_from_stream(
                    dict(ingredient.definition), ingredient.media_type, ingredient.stream
                )
            store = builder.sign(engine_signer, media_type, source, destination)
    except C2paError as error:
        for call in calls:
            if call.raised is not None:
                raise call.raised from error
        raise SigningError(f"the engine could not sign {media_type}: {error}") from error
    except UnicodeDecodeError as error:
        raise SigningError("the certificate chain is not PEM") from error
    if not store:
        raise SigningError(f"the engine signed {media_type} and returned no manifest store")
    return bytes(store)


class _SignerCall:
    """The signer as a callback that cannot lose an exception.

    The engine calls through native code, which an exception cannot cross: its binding
    logs it and reports a bare failure. So it is kept here and raised on the other side.
    The binding also cuts a signature that is too long instead of refusing it.
    """

    def __init__(self, signer: ClaimSigner) -> None:
        self._signer = signer
        self.raised: BaseException | None = None

    def engine_signer(self) -> Signer:
        """The engine's form of this signer."""
        return Signer.from_callback(
            self,
            _algorithm(self._signer.algorithm),
            self._signer.certificate_chain_pem.decode("ascii"),
        )

    def __call__(self, data: bytes) -> bytes:
        try:
            signature = self._signer.sign(data)
        except BaseException as error:  # noqa: BLE001 - raised again by sign_stream
            self.raised = error
            return b""
        expected = _SIGNATURE_BYTES.get(self._signer.algorithm)
        if not signature or (expected is not None and len(signature) != expected):
            self.raised = SigningError(
                f"{self._signer.algorithm} signature from the signer: "
                f"expected {expected or 'some'} bytes, got {len(signature)}"
            )
            return b""
        return signature


def _engine_signer(calls: Sequence[_SignerCall], identity: IdentitySource | None) -> Signer:
    signer = calls[0].engine_signer()
    if identity is None:
        return signer
    return combine_signers(
        signer,
        calls[1].engine_signer(),
        references=identity.references,
        roles=identity.roles,
    )


def _settings(definition: Mapping[str, Any]) -> dict[str, Any]:
    # The list reaches the actions that the engine writes itself for an intent, but it
    # also overrules an entry that says it is gathered.
    gathered = any(
        _has_actions(entry) and not entry["created"] for entry in definition["assertions"]
    )
    return {
        "version": 1,
        # The two `fetch` switches alone are not enough: identities are still resolved.
        "core": {"allowed_network_hosts": [], "allow_redirects": False},
        "verify": {
            "verify_after_sign": False,
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
        },
        "builder": {
            "thumbnail": {"enabled": False},
            "created_assertion_labels": [] if gathered else [_ACTIONS_LABEL],
        },
    }


def _algorithm(name: str) -> C2paSigningAlg:
    try:
        return _ALGORITHMS[name]
    except KeyError:
        raise SigningError(
            f"signing algorithm: expected one of {', '.join(_ALGORITHMS)}, got {name!r}"
        ) from None


def _with_created_actions(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **manifest,
        "assertions": [
            {"created": True, **entry} if _has_actions(entry) else entry
            for entry in manifest.get("assertions", ())
        ],
    }


def _has_actions(assertion: Mapping[str, Any]) -> bool:
    return str(assertion.get("label", "")).startswith(_ACTIONS_LABEL)


def _describe(
    builder: Builder,
    intent: Intent | None,
    digital_source_type: str | None,
    remote_url: str | None,
    *,
    sidecar: bool,
) -> None:
    if intent is not None:
        builder.set_intent(_INTENTS[intent], _source_type(digital_source_type))
    if remote_url is not None:
        builder.set_remote_url(remote_url)
    if sidecar:
        builder.set_no_embed()


def _source_type(term: str | None) -> C2paDigitalSourceType:
    if term is None:
        return C2paDigitalSourceType.EMPTY
    try:
        return _SOURCE_TYPES[term.rpartition("/")[2].lower()]
    except KeyError:
        raise SigningError(f"digital source type: expected an IPTC term, got {term!r}") from None
