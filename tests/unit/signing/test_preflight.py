"""The pre-flight names every fault of a certificate in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provenance.errors import SigningKeyError
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.preflight import CheckState, check_chain, probe
from tests.factory import pki

AT = pki.NOT_BEFORE + timedelta(days=100)
TOP, ISSUING, LEAF = pki.three_tier()


def states(chain: tuple, **given: object) -> dict[str, tuple[CheckState, str]]:  # type: ignore[type-arg]
    checks = check_chain(chain, **{"at": AT, **given})  # type: ignore[arg-type]
    found: dict[str, tuple[CheckState, str]] = {
        c.name: (c.state, c.says) for c in checks if c.state is not CheckState.OK
    }
    # All of these certificates are for trials; that this is said has a test of its own.
    found.pop("purpose", None)
    return found


def test_a_certificate_for_trials_is_called_one() -> None:
    (said,) = (c for c in check_chain(LEAF.chain, at=AT) if c.name == "purpose")
    assert (said.state, "it signs no release" in said.says) == (CheckState.WARNING, True)
    real = pki.three_tier("Aurora", unit=None)[2]
    assert [c for c in check_chain(real.chain, at=AT) if c.state is not CheckState.OK] == []


def leaf(**given: object) -> tuple:  # type: ignore[type-arg]
    whole = {"eku": (pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION), **given}
    return pki.issue("Aurora other leaf", ISSUING, **whole).chain  # type: ignore[arg-type]


def only_fault(chain: tuple, name: str, **given: object) -> str:  # type: ignore[type-arg]
    found = states(chain, **given)
    assert list(found) == [name]
    assert found[name][0] is CheckState.FAULT
    return found[name][1]


def test_a_good_chain_has_no_fault_and_no_warning() -> None:
    assert states(LEAF.chain, public_key=LEAF.key.public_key()) == {}
    assert len(check_chain(LEAF.chain, at=AT)) == 12


def test_wrong_usages_are_named() -> None:
    assert "allows claims" in only_fault(leaf(eku=("1.3.6.1.5.5.7.3.1",)), "extended key usage")
    assert "is present; got: none" in only_fault(leaf(eku=None), "extended key usage")
    assert "digitalSignature" in only_fault(leaf(key_usage=("key_encipherment",)), "key usage")
    assert "present" in only_fault(leaf(authority_key_id=False), "authority key identifier")


def test_a_small_rsa_key_is_named() -> None:
    assert "got: RSA 1024" in only_fault(leaf(kind=pki.KeyKind.RSA1024), "key type")
    assert states(leaf(kind=pki.KeyKind.RSA2048)) == {}


def test_order_and_links() -> None:
    upside_down = tuple(reversed(LEAF.chain))
    assert "wrong order" in states(upside_down)["chain"][1]
    stranger = pki.three_tier("Stranger", organization="Stranger")
    assert only_fault((LEAF.chain[0], stranger[1].certificate), "chain").startswith("gap:")
    same_name = pki.issue(
        ISSUING.certificate.subject, TOP, ca=True, key=pki.make_key("another"),
        key_usage=("key_cert_sign",),
    )  # fmt: skip
    assert "is not signed with the key" in only_fault(
        (LEAF.chain[0], same_name.certificate), "chain"
    )
    assert states(())["chain"] == (CheckState.FAULT, "there is no certificate")


def test_a_root_is_a_warning() -> None:
    found = states((*LEAF.chain, TOP.certificate))
    assert {name: state for name, (state, _) in found.items()} == {"root": CheckState.WARNING}
    assert states(LEAF.chain[:1])["chain"][0] is CheckState.WARNING


def test_validity_and_the_days_left() -> None:
    end = pki.NOT_BEFORE + timedelta(days=200)
    chain = leaf(not_after=end)
    early = pki.NOT_BEFORE - timedelta(days=1)
    assert "not yet valid" in only_fault(chain, "validity", at=early)
    yesterday = end + timedelta(days=1)
    assert "certificate 1 expired on" in only_fault(chain, "validity", at=yesterday)
    for left, level in ((60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7)):
        state, says = states(chain, at=end - timedelta(days=left))["validity"]
        assert state is CheckState.WARNING
        assert f"expires in {left} days" in says
        assert f"(warning at {level} days)" in says
    assert states(chain, at=end - timedelta(days=61)) == {}


def test_another_key_is_a_fault() -> None:
    other = pki.make_key("another").public_key()
    assert "for another key" in only_fault(LEAF.chain, "key", public_key=other)


@pytest.mark.parametrize("kind", [pki.KeyKind.P256, pki.KeyKind.ED25519, pki.KeyKind.RSA2048])
def test_a_trial_signature_is_made(kind: pki.KeyKind) -> None:
    holder = pki.three_tier(kind=kind)[2]
    assert probe(pki.signer_of(holder)).state is CheckState.OK


def test_a_signer_that_does_not_sign_right_is_found() -> None:
    wrong = MemorySigner(
        algorithm="ES256", certificate_chain_pem=LEAF.chain_pem, key=pki.make_key("another")
    )
    assert probe(wrong).state is CheckState.FAULT

    class Gone:
        algorithm = "ES256"
        certificate_chain_pem = LEAF.chain_pem

        def sign(self, data: bytes) -> bytes:
            raise SigningKeyError(f"token: gone before {len(data) > 0}")

    assert probe(Gone()).says == "token: gone before True"
