"""Sign-in through the operator's identity provider: what is asked, and which answer counts.

The authorization code flow with PKCE. `state` ties the answer to the browser that asked,
`nonce` ties the id token to the question, the code verifier ties the code to both: a code or
a state of another browser is worth nothing here.

Spec: OpenID Connect Core 1.0 §3.1; RFC 7636; RFC 9207; RFC 9700.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote_plus, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.claims import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from provenance.errors import FetchError, SignInRefusedError
from provenance.staff.roles import Role
from provenance.staff.tokens import Random, new_token

__all__ = ["Identity", "OidcClient", "OidcRules", "OidcTransport", "ProviderVisit"]

# Signatures by a key of the provider's; never one that is made with what we know ourselves.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
_KEY_KINDS = ("RSA", "EC", "OKP")
_LEEWAY_S = 60
_MAX_TOKEN_CHARS = 32 * 1024
_MAX_CODE_CHARS = 4096
_MAX_SUBJECT_CHARS = 255
_METADATA_LASTS = timedelta(hours=1)
_KEYS_LAST = timedelta(hours=1)
# A token that names a key we do not know makes us look for it, but not at every token.
_KEYS_AGAIN_AFTER = timedelta(minutes=1)
# OpenID Connect Discovery 1.0 §3, RFC 8414 §2: what is looked into of what it says of itself.
_LISTS = ("code_challenge_methods_supported", "token_endpoint_auth_methods_supported")
# What the libraries raise at JSON of other types than they expect.
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError)
_OWN_MACHINE = {"localhost", "127.0.0.1", "::1"}


class OidcTransport(Protocol):
    """Asks the provider."""

    def get(self, url: str) -> bytes:
        """The JSON document at this address.

        Raises:
            FetchError: There is none.
        """
        ...

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
        """The JSON document that this form is answered with.

        Raises:
            FetchError: There is none, or the provider refuses.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcRules:
    """What the operator agreed on with the provider.

    Attributes:
        issuer: Its name, which is the beginning of its addresses.
        client_id: What it calls us.
        secret: What it knows us by; None for a client without one.
        hosts: `host` or `host:port` where its endpoints may be, beside the issuer's own.
        roles_claim: The claim that names groups.
        roles: Which role a group means; empty: roles are given here alone.
    """

    issuer: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()
    roles_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderVisit:
    """What has to be remembered until somebody comes back from the provider."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider vouches for.

    Attributes:
        issuer: The provider.
        subject: What it calls them.
        roles: What the operator's map makes of their groups; None: there is no map.
        proved_at: When they proved to it who they are, if it says so.
    """

    issuer: str
    subject: str
    roles: frozenset[Role] | None
    proved_at: int | None


@dataclass(slots=True)
class _Kept:
    """A document of the provider's, and when it came."""

    value: Any
    at: datetime


def _proved_at(claims: Mapping[str, Any]) -> int | None:
    """When did they prove who they are, in seconds? OpenID Connect Core 1.0 §2, `auth_time`."""
    given = claims.get("auth_time")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise SignInRefusedError(f"provider: auth_time: expected a number, got {given!r:.40}")
    return int(given)


class OidcClient:
    """Speaks with one provider.

    Args:
        rules: What was agreed on.
        transport: Asks it.
    """

    def __init__(self, rules: OidcRules, transport: OidcTransport) -> None:
        self.rules = rules
        self._transport = transport
        self._metadata: _Kept | None = None
        self._keys: _Kept | None = None

    def visit(
        self, *, redirect: str, random: Random, now: datetime, prove_again: bool = False
    ) -> tuple[str, ProviderVisit]:
        """Where to send a browser, and what to remember.

        Args:
            redirect: Where the provider sends it back.
            random: Where secrets come from.
            now: What time it is.
            prove_again: Whether a proof of before does not do.

        Raises:
            FetchError: The provider cannot be asked, or what it says of itself is not usable.
        """
        metadata = self._described(now)
        visit = ProviderVisit(
            state=new_token(random),
            nonce=new_token(random),
            verifier=new_token(random),
            redirect=redirect,
        )
        again = {"prompt": "login", "max_age": "0"} if prove_again else {}
        url: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            self.rules.client_id,
            "code",
            redirect_uri=redirect,
            scope="openid",
            state=visit.state,
            nonce=visit.nonce,
            code_challenge=create_s256_code_challenge(visit.verifier),
            code_challenge_method="S256",
            **again,
        )
        return url, visit

    def identity(
        self, visit: ProviderVisit, code: str, *, issuer: str | None, now: datetime
    ) -> Identity:
        """Who came back from this visit with this code?

        Args:
            visit: What was remembered under the state that came back.
            code: What the provider gave the browser.
            issuer: Who the answer says it is from (RFC 9207), if it does.
            now: What time it is.

        Raises:
            SignInRefusedError: The answer counts for nobody.
            FetchError: The provider cannot be asked, or refuses the code.
        """
        if issuer is not None and issuer != self.rules.issuer:
            raise SignInRefusedError(f"provider: answer of another issuer, {issuer!r:.100}")
        if not 0 < len(code) <= _MAX_CODE_CHARS:
            raise SignInRefusedError("provider: expected a code, got none or too much")
        claims = self._claims(self._redeemed(visit, code, now), visit, now)
        return Identity(
            issuer=self.rules.issuer,
            subject=claims["sub"],
            roles=self._roles(claims),
            proved_at=_proved_at(claims),
        )

    def _redeemed(self, visit: ProviderVisit, code: str, now: datetime) -> Mapping[str, Any]:
        """The tokens for this code. Spec: RFC 6749 §4.1.3, RFC 7636 §4.5."""
        metadata = self._described(now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": visit.redirect,
            "code_verifier": visit.verifier,
        }
        headers = {}
        secret = self.rules.secret
        ways = metadata.get("token_endpoint_auth_methods_supported")
        if secret is not None and (ways is None or "client_secret_basic" in ways):
            pair = f"{quote_plus(self.rules.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        else:
            form["client_id"] = self.rules.client_id
            if secret is not None:
                form["client_secret"] = secret
        answer = _object(
            self._transport.post(metadata["token_endpoint"], form, headers), "token endpoint"
        )
        if not isinstance(answer.get("id_token"), str):
            raise SignInRefusedError("provider: expected an id token, got none")
        return answer

    def _claims(
        self, answer: Mapping[str, Any], visit: ProviderVisit, now: datetime
    ) -> Mapping[str, Any]:
        """What the id token says, which was signed by the provider, for us, for this visit."""
        token = answer["id_token"]
        if len(token) > _MAX_TOKEN_CHARS:
            raise SignInRefusedError("id token: is too long")
        access = answer.get("access_token")
        try:
            decoded = self._decoded(token, now)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.rules.issuer},
                    "aud": {"essential": True, "value": self.rules.client_id},
                    "sub": {"essential": True},
                    "nonce": {"essential": True, "value": visit.nonce},
                },
                params={
                    "nonce": visit.nonce,
                    "client_id": self.rules.client_id,
                    "access_token": access if isinstance(access, str) else None,
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_S)
        except (*_UNREADABLE, RecursionError) as error:
            # Also where it is nested deeper than can be read.
            reason = str(error) or type(error).__name__
            raise SignInRefusedError(f"id token: {reason:.200}") from error
        subject = claims["sub"]
        # Core §2: at most 255 characters. No database takes a lone surrogate, and not each a zero.
        if not isinstance(subject, str) or not subject.isprintable():
            raise SignInRefusedError("id token: sub: expected a text that can be printed")
        if not 0 < len(subject) <= _MAX_SUBJECT_CHARS:
            raise SignInRefusedError(
                f"id token: sub: expected 1 to {_MAX_SUBJECT_CHARS} characters, got {len(subject)}"
            )
        if not isinstance(claims["exp"], int | float) or not isinstance(claims["iss"], str):
            raise SignInRefusedError("id token: exp: expected a number")
        found: Mapping[str, Any] = claims
        return found

    def _decoded(self, token: str, now: datetime) -> jwt.Token:
        keys = self._known_keys(now, again=False)
        try:
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            # Perhaps it was signed with a key that is new.
            fresh = self._known_keys(now, again=True)
            if fresh is keys:
                raise
            return jwt.decode(token, fresh, algorithms=_ALGORITHMS)

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role] | None:
        if not self.rules.roles:
            return None
        groups = claims.get(self.rules.roles_claim, [])
        listed = groups if isinstance(groups, list) else [groups]
        return frozenset(
            self.rules.roles[group]
            for group in listed
            if isinstance(group, str) and group in self.rules.roles
        )

    def _described(self, now: datetime) -> Mapping[str, Any]:
        """What the provider says of itself. Spec: OpenID Connect Discovery 1.0 §4."""
        kept = self._metadata
        if kept is None or now - kept.at >= _METADATA_LASTS:
            url = f"{self.rules.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _object(self._transport.get(url), "discovery document")
            self._check_described(found)
            kept = self._metadata = _Kept(found, now)
        value: Mapping[str, Any] = kept.value
        return value

    def _check_described(self, found: Mapping[str, Any]) -> None:
        if found.get("issuer") != self.rules.issuer:
            raise FetchError(
                f"provider: expected the issuer {self.rules.issuer}, got "
                f"{found.get('issuer')!r:.100}"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._check_endpoint(name, found.get(name))
        for name in _LISTS:
            listed = found.get(name)
            texts = isinstance(listed, list) and all(isinstance(one, str) for one in listed)
            if listed is not None and not texts:
                raise FetchError(f"provider: {name}: expected a list of texts")
        methods = found.get("code_challenge_methods_supported")
        if methods is not None and "S256" not in methods:
            raise FetchError("provider: expected PKCE with S256, got a provider without it")

    def _check_endpoint(self, name: str, url: object) -> None:
        try:
            parts = urlsplit(url if isinstance(url, str) else "")
            issuer = urlsplit(self.rules.issuer)
            host = parts.hostname
        except ValueError as error:
            raise FetchError(f"provider: {name}: expected a URL") from error
        own = host in _OWN_MACHINE and issuer.scheme == "http"
        if not host or parts.scheme not in ({"https", "http"} if own else {"https"}):
            raise FetchError(f"provider: {name}: expected an https URL")
        if parts.netloc not in {issuer.netloc, *self.rules.hosts}:
            raise FetchError(
                f"provider: {name}: {parts.netloc!r:.100} is neither the issuer's host nor one "
                "that the settings allow"
            )

    def _known_keys(self, now: datetime, *, again: bool) -> KeySet:
        kept = self._keys
        lasts = _KEYS_AGAIN_AFTER if again else _KEYS_LAST
        if kept is None or now - kept.at >= lasts:
            found = _object(self._transport.get(self._described(now)["jwks_uri"]), "key set")
            listed = found.get("keys")
            usable = [
                key for entry in (listed if isinstance(listed, list) else []) for key in _key(entry)
            ]
            if not usable:
                raise FetchError("provider: key set: expected a key for signatures, got none")
            kept = self._keys = _Kept(KeySet(usable), now)
        value: KeySet = kept.value
        return value


def _key(entry: object) -> list[Key]:
    """The key for signatures that an entry of a key set is; none where it is not one we can read.

    Spec: RFC 7517 §5: a key of a curve that we do not know, or that lacks something, is left
    out, and the others go on counting.
    """
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return []
    try:
        # Of a tuple: what an entry says of its kind need not be a text.
        return [JWKRegistry.import_key(entry)] if entry.get("kty") in _KEY_KINDS else []
    except _UNREADABLE:
        return []


def _object(data: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FetchError(f"provider: {what}: expected JSON") from error
    if not isinstance(found, dict):
        raise FetchError(f"provider: {what}: expected a JSON object")
    return found
