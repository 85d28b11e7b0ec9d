"""The C2PA trust list's JSON form: certificates, and the times for which each is trusted."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import TrustListError
from provenance.trust.certificates import load_der, load_der_chain
from provenance.trust.directory import About
from provenance.trust.identities import Holder, IdentityRecogniser
from provenance.trust.lists import ListPurpose, parse_trust_list
from provenance.trust.recognition import Recogniser, Recognition
from tests.factory import pki

ROOT = pki.root("Window Root")
DER = ROOT.certificate.public_bytes(Encoding.DER)
BASE = "http://c2pa.org/conformance/trust-list"


def service(
    status: str = "trusted",
    since: str = "2026-01-01T00:00:00Z",
    *,
    der: bytes = DER,
    **more: Any,
) -> dict[str, Any]:
    return {
        "ServiceInformation": {
            "ServiceName": [{"lang": "en", "value": "Aurora CA"}],
            "ServiceDigitalIdentity": {
                "X509Certificates": [{"val": base64.b64encode(der).decode()}]
            },
            "ServiceStatus": f"{BASE}/{status}",
            "StatusStartingTime": since,
        },
        **more,
    }


def document(*services: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "LoTE": {
                "ListAndSchemeInformation": {"ListIssueDateTime": "2026-08-05T00:11:39Z"},
                "TrustedEntitiesList": [{"TrustedEntityServices": list(services)}],
            }
        }
    ).encode()


def trusts(data: bytes, at: datetime) -> bool:
    listed = parse_trust_list(data, name="json", purpose=ListPurpose.CLAIM, source="list.json")
    return listed.trusts(load_der(DER, where="root"), at)


def day(month: int) -> datetime:
    return datetime(2026, month, 15, tzinfo=UTC)


def test_an_anchor_is_trusted_from_its_starting_time_on() -> None:
    assert trusts(document(service(since="2026-06-01T00:00:00Z")), day(7))
    assert not trusts(document(service(since="2026-06-01T00:00:00Z")), day(5))


def test_an_anchor_no_longer_trusted_is_not() -> None:
    assert not trusts(document(service(status="untrusted")), day(7))


def test_history_keeps_the_time_before_trust_was_withdrawn() -> None:
    history = [{"ServiceStatus": f"{BASE}/trusted", "StatusStartingTime": "2026-02-01T00:00:00Z"}]
    data = document(
        service(status="untrusted", since="2026-06-01T00:00:00Z", ServiceHistory=history)
    )
    assert trusts(data, day(3))
    assert not trusts(data, day(1))
    assert not trusts(data, day(7))


@pytest.mark.parametrize("recogniser", ["of claim signers", "of identities"])
@pytest.mark.parametrize(
    ("status", "since", "counts"),
    [
        ("trusted", "2026-01-01T00:00:00Z", True),
        ("trusted", "2026-06-01T00:00:00Z", False),
        ("untrusted", "2026-01-01T00:00:00Z", False),
    ],
)
def test_a_certificate_that_is_no_authority_counts_while_it_is_trusted(
    recogniser: str,
    status: str,
    since: str,
    counts: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    lonely = pki.issue("Lonely TEST signer", eku=[pki.DOCUMENT_SIGNING])
    der = lonely.certificate.public_bytes(Encoding.DER)
    is_claim = recogniser == "of claim signers"
    listed = parse_trust_list(
        document(service(status, since, der=der)),
        name="json",
        purpose=ListPurpose.CLAIM if is_claim else ListPurpose.IDENTITY,
        source="list.json",
    )
    about, chain = About(media_kind="image"), load_der_chain([der], where="signature")
    found: Recognition | Holder
    if is_claim:
        claims = Recogniser(None, [listed])
        found = claims.recognise(chain, at=day(4), trusted_time=None, about=about)
    else:
        identities = IdentityRecogniser(None, [listed])
        found = identities.recognise(chain, at=day(4), trusted_time=None, about=about)
    assert found.recognised_by == ("list:json" if counts else None)


def test_the_list_tells_its_own_date() -> None:
    listed = parse_trust_list(
        document(service()), name="json", purpose=ListPurpose.CLAIM, source="list.json"
    )
    assert listed.dated == datetime(2026, 8, 5, 0, 11, 39, tzinfo=UTC)
    assert listed.certificates == 1


def test_pem_tells_no_times() -> None:
    pem = ROOT.certificate.public_bytes(Encoding.PEM)
    listed = parse_trust_list(pem, name="pem", purpose=ListPurpose.CLAIM, source="list.pem")
    assert listed.dated is None
    assert listed.trusts(listed.anchors[0], day(1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", r"list\.json: LoTE: Field required"),
        (b"{", r"list\.json: document: Invalid JSON"),
        (document(), r"list\.json: expected at least one certificate"),
        (
            document(service()).replace(base64.b64encode(DER)[:40], b"!" * 40),
            r"list\.json, entity 1: unreadable certificate",
        ),
        # Found by fuzzing: another error where it is not even ASCII.
        (
            document(service()).replace(base64.b64encode(DER)[:4], "별".encode()),
            r"list\.json, entity 1: unreadable certificate",
        ),
    ],
)
def test_what_is_no_list_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(TrustListError, match=message):
        parse_trust_list(data, name="json", purpose=ListPurpose.CLAIM, source="list.json")
