"""Passkeys: the questions that are put to one, and which answers count.

A passkey is asked to verify its holder (a PIN, a finger), so it is two factors in one. It
answers for one website only: a page elsewhere that looks like ours gets nothing from it.

Spec: Web Authentication Level 3, §7.1, §7.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from provenance.errors import SignInRefusedError

__all__ = [
    "MAX_CREDENTIAL_CHARS",
    "NewPasskey",
    "Site",
    "as_token",
    "challenge_in",
    "check_answer",
    "check_new",
    "credential_id",
    "parse_credential",
    "question",
    "question_for_new",
    "user_handle_in",
]

MAX_CREDENTIAL_CHARS = 16 * 1024
_MAX_ID_BYTES = 1023
_NAME = "Provenance"
# What reading something that is no answer of a passkey comes to. The library wraps most of
# it, but not what an attestation of a kind we never ask for may hold, nor client data that
# are nested deeper than Python reads.
_UNREADABLE = (
    WebAuthnException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where passkeys are used.

    Attributes:
        origin: As the browser tells it, like `https://moderation.example.org`.
    """

    origin: str

    @property
    def relying_party(self) -> str:
        """Its id for authenticators: the host."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """What is kept of one."""

    credential: bytes
    public_key: bytes
    sign_count: int


def question_for_new(
    site: Site,
    *,
    account: str,
    display_name: str,
    handle: bytes,
    challenge: bytes,
    known: Sequence[bytes],
) -> str:
    """What a browser needs to make a passkey (JSON).

    Args:
        site: Where it will be used.
        account: Its account.
        display_name: What its holder is called.
        handle: What the account is called inside the authenticator; tells nothing.
        challenge: Random bytes.
        known: Credentials that the account has: none of them is made twice.
    """
    options = generate_registration_options(
        rp_id=site.relying_party,
        rp_name=_NAME,
        user_id=handle,
        user_name=account,
        user_display_name=display_name,
        challenge=challenge,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return options_to_json(options)


def check_new(site: Site, credential: Mapping[str, Any], *, challenge: bytes) -> NewPasskey:
    """Which passkey was made?

    Raises:
        SignInRefusedError: Elsewhere, for another question, without looking who its holder
            is, or it cannot be read.
    """
    try:
        found = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.relying_party,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise _refused(error) from error
    _check_not_framed(credential)
    if not 0 < len(found.credential_id) <= _MAX_ID_BYTES:
        raise SignInRefusedError("passkey: expected an id of at most 1023 bytes")
    return NewPasskey(
        credential=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
    )


def question(site: Site, *, challenge: bytes, allowed: Sequence[bytes] = ()) -> str:
    """What a browser needs to ask a passkey (JSON); one of these, or any of this site."""
    options = generate_authentication_options(
        rp_id=site.relying_party,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def check_answer(
    site: Site,
    credential: Mapping[str, Any],
    *,
    challenge: bytes,
    public_key: bytes,
    sign_count: int,
) -> int:
    """How often has this passkey now been used, by its own count?

    Raises:
        SignInRefusedError: It answers elsewhere, to another question, with another key,
            without looking who its holder is, or with a count that somebody has seen before.
    """
    try:
        found = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.relying_party,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise _refused(error) from error
    _check_not_framed(credential)
    return found.new_sign_count


def _check_not_framed(credential: Mapping[str, Any]) -> None:
    """Was it asked by a page that stood by itself, in no frame of another website's?

    None of ours may be framed, so an honest browser never says so; the library reads it and
    leaves it to us. Spec: Web Authentication Level 3 §5.8.1, `crossOrigin`.

    Raises:
        SignInRefusedError: Another website had it asked.
    """
    if _client_data(credential).cross_origin:
        raise SignInRefusedError("passkey: was asked in a frame of another website")


def challenge_in(credential: Mapping[str, Any]) -> bytes:
    """Which question does it say it answers? Nothing of it is checked yet.

    Raises:
        SignInRefusedError: It cannot be read.
    """
    try:
        return _client_data(credential).challenge
    except _UNREADABLE as error:
        raise _refused(error) from error


def _client_data(credential: Mapping[str, Any]) -> CollectedClientData:
    return parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))


def credential_id(credential: Mapping[str, Any]) -> bytes:
    """Which passkey does it say it is?

    Raises:
        SignInRefusedError: It cannot be read.
    """
    try:
        return base64url_to_bytes(credential["rawId"])
    except _UNREADABLE as error:
        raise _refused(error) from error


def user_handle_in(credential: Mapping[str, Any]) -> bytes | None:
    """Whose does it say it is?

    Raises:
        SignInRefusedError: It cannot be read.
    """
    try:
        given = credential["response"].get("userHandle")
        return None if given is None else base64url_to_bytes(given)
    except _UNREADABLE as error:
        raise _refused(error) from error


def parse_credential(text: str) -> Mapping[str, Any]:
    """What a browser sent.

    Raises:
        SignInRefusedError: It is no JSON object, or too long.
    """
    if len(text) > MAX_CREDENTIAL_CHARS:
        raise SignInRefusedError("passkey: what came is too long")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused(error) from error
    if not isinstance(found, dict):
        raise SignInRefusedError("passkey: expected a JSON object")
    return found


def as_token(challenge: bytes) -> str:
    """A question's name among what counts once."""
    return bytes_to_base64url(challenge)


def _refused(error: Exception) -> SignInRefusedError:
    return SignInRefusedError(f"passkey: {str(error) or type(error).__name__:.200}")
