"""An identity provider on this machine: OpenID Connect's code flow with PKCE, and ways to err.

It keeps to its rules as an honest one does: a code counts once, for the client and the
address it was made for, and with the verifier of the challenge that it was asked with. What
its id tokens say can be spoiled, one thing at a time.

Spec: OpenID Connect Core 1.0 §3.1; Discovery 1.0; RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

__all__ = ["CLIENT", "SECRET", "IdentityProvider", "running_provider"]

CLIENT, SECRET = "provenance-staff", "a secret: of/two"
Claims = dict[str, Any]


def _encoded(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@dataclass(kw_only=True)
class IdentityProvider:
    """What it does.

    Attributes:
        issuer: Its name.
        subject: Who signs in with it next.
        spoil: Changes the claims of an id token before it is signed.
        sign: Makes an id token of claims; by default with its key.
        described: Changes what it says of itself.
        more_keys: Entries of its key set beside its key.
        clock: What time it has, in seconds.
        asked: The questions that browsers were sent with, in order.
        redeemed: The forms that came to its token endpoint.
    """

    issuer: str
    subject: str = "subject-1"
    spoil: Callable[[Claims], None] = lambda _: None
    sign: Callable[[Claims], str] | None = None
    described: dict[str, Any] = field(default_factory=dict)
    more_keys: list[Any] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    asked: list[dict[str, str]] = field(default_factory=list)
    redeemed: list[dict[str, str]] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """Honest again."""
        self.subject, self.sign, self.described = "subject-1", None, {}
        self.more_keys = []
        self.spoil, self.clock = lambda _: None, time.time
        self.asked, self.redeemed = [], []

    def metadata(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            **self.described,
        }

    def authorize(self, url: str) -> str:
        """Somebody signs in here: where their browser is sent back to.

        Raises:
            ValueError: The question is none that an honest client asks.
        """
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if query["response_type"] != "code" or query["client_id"] != CLIENT:
            raise ValueError("expected a code for the client")
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise ValueError("expected PKCE")
        self.asked.append(query)
        code = secrets.token_urlsafe(24)
        self._codes[code] = query | {"sub": self.subject}
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer of its token endpoint."""
        self.redeemed.append(form)
        kind, _, pair = authorization.partition(" ")
        given = base64.b64decode(pair).decode() if kind == "Basic" else ":"
        name, _, secret = given.partition(":")
        if (unquote_plus(name), unquote_plus(secret)) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if not secrets.compare_digest(challenge, asked["code_challenge"]):
            return 400, {"error": "invalid_grant"}
        now = int(self.clock())
        claims: Claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": asked["sub"],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        if "max_age" in asked:
            claims["auth_time"] = now
        self.spoil(claims)
        sign = self.sign or self.signed
        return 200, {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "id_token": sign(claims),
        }

    def signed(self, claims: Claims) -> str:
        """These claims, signed with its key."""
        return jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.key)

    @staticmethod
    def unsigned(claims: Claims) -> str:
        """These claims with `alg: none`."""
        return f"{_encoded({'alg': 'none', 'kid': 'first'})}.{_encoded(claims)}."

    @staticmethod
    def hashed(claims: Claims, secret: bytes) -> str:
        """These claims with `alg: HS256`, under a key that others know."""
        body = f"{_encoded({'alg': 'HS256', 'kid': 'first'})}.{_encoded(claims)}"
        digest = hmac.new(secret, body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@contextmanager
def running_provider() -> Iterator[IdentityProvider]:
    """One, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/.well-known/openid-configuration":
                self._answer(200, provider.metadata())
            elif path == "/keys":
                self._answer(
                    200, {"keys": [*provider.more_keys, provider.key.as_dict(private=False)]}
                )
            elif path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(self.path))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, document: Any) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = IdentityProvider(issuer=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
