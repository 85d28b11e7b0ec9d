"""Sign-in through a provider that answers over HTTP: each thing it, or somebody, may spoil."""

from __future__ import annotations

import base64
import json
import os
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import Engine

from provenance.errors import FetchError
from provenance.runtime.provider_client import ProviderClient
from provenance.runtime.staff_parts import StaffParts
from provenance.staff.doors import Begun, Refused, RefusedBecause
from provenance.staff.oidc import OidcClient, OidcRules
from provenance.staff.roles import Role
from tests.factory.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.factory.staff import VISITOR, enrolled, staff_on
from tests.unit.staff.conftest import NOW


def encoded(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def signed_text(key: RSAKey, head: str, body: str) -> str:
    """A token of these parts, whatever they hold."""
    private = serialization.load_pem_private_key(key.as_pem(private=True), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    text = f"{head}.{body}"
    made = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


BROWSER, OTHER = "a secret of this browser", "a secret of another browser"
REDIRECT = "https://moderation.example/mod/provider/back"


def rules(provider: IdentityProvider, **changes: Any) -> OidcRules:
    given: dict[str, Any] = {"issuer": provider.issuer, "client_id": CLIENT, "secret": SECRET}
    return OidcRules(**{**given, **changes})


def client(provider: IdentityProvider, **changes: Any) -> OidcClient:
    place = urlsplit(provider.issuer).netloc
    return OidcClient(rules(provider, **changes), ProviderClient(network_allow=[place]))


@pytest.fixture
def staff(engine: Engine, provider: IdentityProvider) -> StaffParts:
    """A staff with one member who is linked."""
    staff = staff_on(engine, client=client(provider))
    staff.accounts.add("alice", display_name="Alice", roles=[Role.REVIEWER], now=NOW)
    staff.accounts.link("alice", issuer=provider.issuer, subject="subject-1", now=NOW)
    return staff


def visit(staff: StaffParts, *, holder: str = BROWSER, **options: Any) -> str:
    assert staff.provider is not None
    return staff.provider.visit(
        redirect=REDIRECT, holder=holder, now=NOW, next_path="/mod/cases/1", **options
    )


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def back(
    staff: StaffParts, query: dict[str, str], *, holder: str = BROWSER, token: str | None = None
) -> Begun | Refused:
    assert staff.provider is not None
    return staff.provider.answer(query, VISITOR, holder=holder, now=NOW, token=token)


def round_trip(staff: StaffParts, provider: IdentityProvider) -> Begun | Refused:
    return back(staff, query_of(provider.authorize(visit(staff))))


def why(found: Begun | Refused, because: RefusedBecause = RefusedBecause.PROVIDER) -> str:
    assert isinstance(found, Refused), found
    assert found.because is because
    return found.why


def test_whoever_is_linked_gets_in(staff: StaffParts, provider: IdentityProvider) -> None:
    done = round_trip(staff, provider)
    assert isinstance(done, Begun)
    assert (done.session.account, done.session.means) == ("alice", "provider")
    assert done.next_path == "/mod/cases/1"
    (asked,) = provider.asked
    assert asked["scope"] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["redirect_uri"] == REDIRECT
    (redeemed,) = provider.redeemed
    assert len(redeemed["code_verifier"]) == 43
    assert "client_secret" not in redeemed


def test_nobody_elses_identity_opens_anything(
    staff: StaffParts, provider: IdentityProvider
) -> None:
    provider.subject = "subject-2"
    # Nor does a name in the token that is an account's.
    provider.spoil = lambda claims: claims.update(
        preferred_username="alice", email="alice@example.org"
    )
    assert "nobody's identity" in why(round_trip(staff, provider))
    provider.subject = "subject-1"
    assert isinstance(round_trip(staff, provider), Begun)


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "wrong nonce": ({"nonce": "another"}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "wrong issuer": ({"iss": "https://evil.example"}, "iss"),
    "wrong audience": ({"aud": "another-client"}, "aud"),
    "wrong authorised party": ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
    "several audiences and no party": ({"aud": [CLIENT, "another"]}, "azp"),
    "expired": ({"exp": int(NOW.timestamp()) - 3600}, "exp"),
    "no expiry": ({"exp": None}, "exp"),
    "issued in the future": ({"iat": int(NOW.timestamp()) + 7200}, "in the future"),
    "no subject": ({"sub": None}, "sub"),
    "a subject that is no text": ({"sub": 5}, "sub"),
    "a time that is no number": ({"auth_time": "yesterday"}, "auth_time"),
    "a time that is no time": ({"auth_time": 1e999}, "auth_time"),
    "another access token": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_token(staff: StaffParts, provider: IdentityProvider, name: str) -> None:
    changes, said = SPOILED[name]

    def spoil(claims: dict[str, Any]) -> None:
        claims.update(changes)
        for key in [key for key, value in claims.items() if value is None]:
            del claims[key]

    provider.spoil = spoil
    assert said in why(round_trip(staff, provider))
    provider.spoil = lambda _: None
    assert isinstance(round_trip(staff, provider), Begun)


def test_alg_none(staff: StaffParts, provider: IdentityProvider) -> None:
    provider.sign = IdentityProvider.unsigned
    assert "'none' is not allowed" in why(round_trip(staff, provider))


def test_a_signature_by_what_we_know_ourselves(
    staff: StaffParts, provider: IdentityProvider
) -> None:
    """HS256 with the client's secret, or with the provider's public key for one."""
    for secret in (SECRET.encode(), provider.key.as_pem(private=False)):
        provider.sign = lambda claims, secret=secret: IdentityProvider.hashed(claims, secret)
        assert "'HS256' is not allowed" in why(round_trip(staff, provider))


def test_a_strangers_key(staff: StaffParts, provider: IdentityProvider) -> None:
    key = RSAKey.generate_key(2048, {"kid": "first"})
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, key)
    assert "bad_signature" in why(round_trip(staff, provider))
    provider.sign = None
    assert isinstance(round_trip(staff, provider), Begun)


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "EC", "kid": "new", "crv": "P-1024", "x": "AA", "y": "AA"},
        {"kty": "OKP", "kid": "new", "crv": "Ed9001", "x": "AA"},
        {"kty": "RSA", "kid": "new", "e": "AQAB"},
        {"kty": ["RSA"], "kid": "new"},
        {"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"},
        "a text",
    ],
)
def test_a_key_that_we_cannot_read_leaves_the_others(
    staff: StaffParts, provider: IdentityProvider, entry: Any
) -> None:
    provider.more_keys = [entry]
    assert isinstance(round_trip(staff, provider), Begun)


def test_a_key_that_the_provider_has_changed_is_looked_up_again(
    staff: StaffParts, provider: IdentityProvider
) -> None:
    assert isinstance(round_trip(staff, provider), Begun)
    old, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "second"})
    provider.sign = lambda claims: jwt.encode(
        {"alg": "RS256", "kid": "second"}, claims, provider.key
    )
    try:
        # Not at every token: a minute has to pass.
        assert "second" in why(round_trip(staff, provider))
        assert staff.provider is not None
        later = NOW + timedelta(minutes=2)
        query = query_of(provider.authorize(visit(staff)))
        done = staff.provider.answer(query, VISITOR, holder=BROWSER, now=later)
        assert isinstance(done, Begun)
    finally:
        provider.key = old


def test_the_state_of_another_browser(staff: StaffParts, provider: IdentityProvider) -> None:
    """Somebody is made to finish the sign-in that an attacker began, or the other way round."""
    attackers = query_of(provider.authorize(visit(staff, holder=OTHER)))
    said = why(back(staff, attackers, holder=BROWSER), RefusedBecause.OVER)
    assert said == "provider: a state of no visit of ours"
    # It was not used up by that: who began it may finish it.
    assert isinstance(back(staff, attackers, holder=OTHER), Begun)


def test_code_injection(staff: StaffParts, provider: IdentityProvider) -> None:
    """A code that was stolen from another browser's visit, with a state of one's own."""
    stolen = query_of(provider.authorize(visit(staff, holder=OTHER)))
    own = query_of(visit(staff, holder=BROWSER))
    injected = {"state": own["state"], "code": stolen["code"]}
    assert "got 400" in why(back(staff, injected, holder=BROWSER))
    assert isinstance(round_trip(staff, provider), Begun)


def test_an_answer_counts_once(staff: StaffParts, provider: IdentityProvider) -> None:
    query = query_of(provider.authorize(visit(staff)))
    assert isinstance(back(staff, query), Begun)
    why(back(staff, query), RefusedBecause.OVER)


def test_an_answer_of_another_issuer(staff: StaffParts, provider: IdentityProvider) -> None:
    query = query_of(provider.authorize(visit(staff)))
    assert "another issuer" in why(back(staff, query | {"iss": "https://evil.example"}))


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"state": "x" * 5000, "code": "y"}])
def test_answers_to_nothing(staff: StaffParts, query: dict[str, str]) -> None:
    why(back(staff, query), RefusedBecause.OVER)


def test_no_code_or_a_refusal(staff: StaffParts) -> None:
    state = query_of(visit(staff))["state"]
    assert "got none" in why(back(staff, {"state": state}))
    state = query_of(visit(staff))["state"]
    assert "failed" in why(back(staff, {"state": state, "error": "access_denied"}))


def test_pkce_missing(engine: Engine, provider: IdentityProvider) -> None:
    """A provider that cannot do it is refused, and one that can gets no question without it."""
    provider.described = {"code_challenge_methods_supported": ["plain"]}
    with pytest.raises(FetchError, match="PKCE with S256"):
        visit(staff_on(engine, client=client(provider)))
    provider.described = {}
    url = visit(staff_on(engine, client=client(provider)))
    without = url.replace("code_challenge", "no_challenge")
    with pytest.raises(ValueError, match="PKCE"):
        provider.authorize(without)
    assert provider.authorize(url).startswith(REDIRECT)


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"issuer": "https://evil.example"}, "expected the issuer"),
        ({"token_endpoint": "http://127.0.0.1:1/token"}, "neither the issuer's host"),
        ({"jwks_uri": "https://evil.example/keys"}, "neither the issuer's host"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "expected an https URL"),
        ({"authorization_endpoint": None}, "expected an https URL"),
        ({"token_endpoint": "http://[x/"}, "expected a URL"),
        ({"jwks_uri": ["https://evil.example/keys"]}, "jwks_uri: expected an https URL"),
        ({"code_challenge_methods_supported": 5}, "expected a list of texts"),
        ({"code_challenge_methods_supported": "S256"}, "expected a list of texts"),
        ({"code_challenge_methods_supported": {"S256": True}}, "expected a list of texts"),
        ({"token_endpoint_auth_methods_supported": 5}, "expected a list of texts"),
        ({"token_endpoint_auth_methods_supported": [None]}, "expected a list of texts"),
    ],
)
def test_a_provider_that_says_something_odd_of_itself(
    engine: Engine, provider: IdentityProvider, described: dict[str, Any], said: str
) -> None:
    provider.described = described
    with pytest.raises(FetchError, match=said):
        visit(staff_on(engine, client=client(provider)))


@pytest.mark.parametrize(
    "described",
    [
        {"token_endpoint_auth_methods_supported": None},
        {"code_challenge_methods_supported": None},
        {"code_challenge_methods_supported": ["plain", "S256"]},
    ],
)
def test_a_provider_that_leaves_out_what_it_may(
    staff: StaffParts, provider: IdentityProvider, described: dict[str, Any]
) -> None:
    provider.described = described
    assert isinstance(round_trip(staff, provider), Begun)


@pytest.mark.parametrize("part", ["header", "claims"])
def test_a_token_that_is_nested_too_deep(
    staff: StaffParts, provider: IdentityProvider, part: str
) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 9000 + b"]" * 9000).rstrip(b"=").decode()
    head = encoded({"alg": "RS256", "kid": "first"})
    tokens = {
        "header": f"{deep}.e30.AAAA",
        "claims": signed_text(provider.key, head, deep),
    }
    provider.sign = lambda _: tokens[part]
    assert why(round_trip(staff, provider)).startswith("id token: ")
    provider.sign = None
    assert isinstance(round_trip(staff, provider), Begun)


@pytest.mark.parametrize("header", [[], 5, "RS256", {"alg": ["RS256"]}, {"alg": 5}, {"kid": {}}])
def test_a_token_whose_header_is_none(
    staff: StaffParts, provider: IdentityProvider, header: Any
) -> None:
    provider.sign = lambda _: f"{encoded(header)}.e30.AAAA"
    assert why(round_trip(staff, provider)).startswith("id token: ")


@pytest.mark.parametrize("name", ["aud", "azp", "exp", "iat", "nbf", "at_hash", "nonce", "sub"])
@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [1], True, 1e999, "\ud800", "a\0b"])
def test_a_claim_of_another_type(
    staff: StaffParts, provider: IdentityProvider, name: str, value: Any
) -> None:
    provider.sign = lambda claims: signed_text(
        provider.key, encoded({"alg": "RS256", "kid": "first"}), encoded({**claims, name: value})
    )
    found = round_trip(staff, provider)
    assert isinstance(found, Begun) or why(found).startswith("id token: ")


def test_it_is_asked_by_the_rules_of_the_fetcher(
    engine: Engine, provider: IdentityProvider
) -> None:
    closed = OidcClient(rules(provider), ProviderClient())
    with pytest.raises(FetchError, match="only ports 80 and 443"):
        visit(staff_on(engine, client=closed))


def test_a_disabled_account(staff: StaffParts, provider: IdentityProvider) -> None:
    staff.accounts.disable("alice", now=NOW)
    assert "disabled" in why(round_trip(staff, provider))
    staff.accounts.enable("alice", now=NOW)
    assert isinstance(round_trip(staff, provider), Begun)


def test_roles_are_never_the_tokens_unless_mapped(
    engine: Engine, staff: StaffParts, provider: IdentityProvider
) -> None:
    provider.spoil = lambda claims: claims.update(groups=["admins"], roles=["admin"])
    assert isinstance(round_trip(staff, provider), Begun)
    account = staff.accounts.get("alice")
    assert account is not None
    assert account.roles == {Role.REVIEWER}
    mapping = client(provider, roles={"admins": Role.ADMIN, "lawyers": Role.LEGAL})
    mapped = staff_on(engine, client=mapping)
    before = round_trip(mapped, provider)
    assert isinstance(before, Begun)
    account = mapped.accounts.get("alice")
    assert account is not None
    assert account.roles == {Role.ADMIN}
    # In no group: no role; and what was open before is closed.
    provider.spoil = lambda claims: claims.update(groups=["others", 5])
    assert isinstance(round_trip(mapped, provider), Begun)
    account = mapped.accounts.get("alice")
    assert account is not None
    assert account.roles == frozenset()
    assert mapped.sign_in.who(before.token, now=NOW) is None


def test_a_link_for_enrolment_links_an_identity_once(
    staff: StaffParts, provider: IdentityProvider
) -> None:
    staff.accounts.add("bob", display_name="Bob", roles=[], now=NOW)
    link = staff.accounts.invite("bob", now=NOW, lasts=timedelta(hours=1))
    # An identity that is somebody's is not linked again.
    taken = query_of(provider.authorize(visit(staff, enrolment=link)))
    assert "an account's already" in why(back(staff, taken))
    provider.subject = "subject-2"
    query = query_of(provider.authorize(visit(staff, enrolment=link)))
    done = back(staff, query)
    assert isinstance(done, Begun)
    assert done.session.account == "bob"
    provider.subject = "subject-3"
    query = query_of(provider.authorize(visit(staff, enrolment=link)))
    why(back(staff, query), RefusedBecause.LINK)


class TestProvingAgain:
    def test_the_provider_asks_anew(self, staff: StaffParts, provider: IdentityProvider) -> None:
        begun = round_trip(staff, provider)
        assert isinstance(begun, Begun)
        url = visit(staff, confirms=begun.token)
        assert query_of(url)["max_age"] == "0"
        assert query_of(url)["prompt"] == "login"
        done = back(staff, query_of(provider.authorize(url)), token=begun.token)
        assert isinstance(done, Begun)
        assert done.token != begun.token
        assert done.session.id == begun.session.id
        assert staff.sign_in.who(begun.token, now=NOW) is None

    @pytest.mark.parametrize("proved_at", [None, int(NOW.timestamp()) - 600])
    def test_one_that_did_not(
        self, staff: StaffParts, provider: IdentityProvider, proved_at: int | None
    ) -> None:
        begun = round_trip(staff, provider)
        assert isinstance(begun, Begun)
        provider.spoil = lambda claims: claims.update(auth_time=proved_at)
        url = visit(staff, confirms=begun.token)
        found = back(staff, query_of(provider.authorize(url)), token=begun.token)
        assert "did not ask anew" in why(found)

    @pytest.mark.usefixtures("staff")
    @pytest.mark.parametrize("groups", [["lawyers"], ["others"]])
    def test_roles_are_those_of_now(
        self, engine: Engine, provider: IdentityProvider, groups: list[str]
    ) -> None:
        mapping = client(provider, roles={"admins": Role.ADMIN, "lawyers": Role.LEGAL})
        mapped = staff_on(engine, client=mapping)
        provider.spoil = lambda claims: claims.update(groups=["lawyers"])
        begun = round_trip(mapped, provider)
        assert isinstance(begun, Begun)
        provider.spoil = lambda claims: claims.update(groups=groups)
        url = visit(mapped, confirms=begun.token)
        done = back(mapped, query_of(provider.authorize(url)), token=begun.token)
        assert isinstance(done, Begun)
        found = mapped.sign_in.who(done.token, now=NOW)
        assert found is not None
        account, session = found
        assert account.roles == ({Role.LEGAL} if groups == ["lawyers"] else frozenset())
        # Where nothing changed it is the session of before; else one that began anew.
        assert (session.id == begun.session.id) == (groups == ["lawyers"])
        assert mapped.sign_in.who(begun.token, now=NOW) is None

    def test_for_another_session_or_by_somebody_else(
        self, staff: StaffParts, provider: IdentityProvider
    ) -> None:
        bob = enrolled(staff, "bob", now=NOW)
        begun = round_trip(staff, provider)
        assert isinstance(begun, Begun)
        query = query_of(provider.authorize(visit(staff, confirms=begun.token)))
        why(back(staff, query, token=bob.begun.token), RefusedBecause.OVER)
        query = query_of(provider.authorize(visit(staff, confirms=bob.begun.token)))
        why(back(staff, query, token=bob.begun.token), RefusedBecause.OVER)


def test_a_secret_stays_out_of_what_is_shown(provider: IdentityProvider) -> None:
    assert SECRET not in repr(rules(provider))
    _, seen = client(provider).visit(redirect=REDIRECT, random=os.urandom, now=NOW)
    assert seen.verifier not in repr(seen)
