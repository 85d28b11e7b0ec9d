from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from pyhanko_certvalidator.validate import async_validate_path

from provenance.trust import chain as chain_module
from provenance.trust.certificates import Certificate, load_der, load_der_chain
from provenance.trust.chain import ChainAnswer, ChainChecker
from tests.factory import pki
from tests.factory.pki import Holder, KeyKind

AT = datetime(2026, 5, 5, tzinfo=UTC)
DAY = timedelta(days=1)
CA = {"ca": True, "key_usage": ("key_cert_sign", "crl_sign")}
ROOT = pki.root("Chain TEST root")


def _load(holder: Holder) -> Certificate:
    return load_der(holder.certificate.public_bytes(Encoding.DER), where="anchor")


def _chain(*holders: Holder) -> tuple[Certificate, ...]:
    ders = [h.certificate.public_bytes(Encoding.DER) for h in holders]
    return load_der_chain(ders, where="signature")


def _check(*holders: Holder, at: datetime = AT, anchors: Sequence[Holder] = (ROOT,)) -> ChainAnswer:
    return ChainChecker([_load(anchor) for anchor in anchors]).check(_chain(*holders), at)


def _issuing(issuer: Holder = ROOT, label: str = "Chain TEST CA", **fields: object) -> Holder:
    return pki.issue(label, issuer, **{**CA, **fields})  # type: ignore[arg-type]


def _leaf(issuer: Holder, **fields: object) -> Holder:
    return pki.issue("Chain TEST leaf", issuer, **fields)  # type: ignore[arg-type]


def _twins(good: Holder, bad: Holder) -> tuple[ChainAnswer, ChainAnswer]:
    """Leaves below a good issuer and below one with a defect, both checked."""
    return _check(_leaf(good), good), _check(_leaf(bad), bad)


def test_a_chain_ends_at_its_anchor() -> None:
    issuing = _issuing()
    answer = _check(_leaf(issuing), issuing)
    assert answer.anchor == _load(ROOT)
    assert (answer.why, answer.expired) == ("", False)


def test_a_chain_may_carry_its_root_or_end_below_the_anchor() -> None:
    issuing = _issuing()
    leaf = _leaf(issuing)
    assert _check(leaf, issuing, ROOT).anchor == _load(ROOT)
    assert _check(leaf, anchors=[issuing]).anchor == _load(issuing)
    assert _check(leaf, issuing, anchors=[issuing]).anchor == _load(issuing)
    assert _check(_leaf(ROOT)).anchor == _load(ROOT)


def test_a_chain_to_somebody_else_ends_nowhere() -> None:
    other = pki.root("Other TEST root")
    issuing = _issuing()
    answer = _check(_leaf(issuing), issuing, anchors=[other])
    assert answer.anchor is None
    assert answer.why == "no certificate in it names one of the anchors"
    assert _check(_leaf(issuing), issuing, anchors=[]).anchor is None
    assert _check(_leaf(issuing), issuing, anchors=[other, ROOT]).anchor == _load(ROOT)


def test_a_self_made_authority_of_the_same_name_is_another() -> None:
    fake_root = pki.issue("Chain TEST root", key=pki.make_key("thief"), **CA)  # type: ignore[arg-type]
    assert fake_root.certificate.subject == ROOT.certificate.subject
    answer = _check(_leaf(fake_root), fake_root)
    assert answer.anchor is None
    assert answer.why

    issuing = _issuing()
    fake_issuing = _issuing(fake_root)
    assert _check(_leaf(issuing), issuing).anchor is not None
    assert _check(_leaf(fake_issuing), fake_issuing).anchor is None
    assert _check(_leaf(fake_issuing), fake_issuing, fake_root).anchor is None


def test_a_missing_link_is_missed() -> None:
    issuing = _issuing()
    leaf = _leaf(issuing)
    assert _check(leaf, issuing).anchor is not None
    assert _check(leaf).anchor is None
    assert _check(leaf, ROOT, issuing).anchor is None


def test_certificates_that_do_not_belong_change_nothing_after_the_chain() -> None:
    issuing = _issuing()
    leaf, extra = _leaf(issuing), pki.root("Extra TEST root")
    assert _check(leaf, issuing, extra).anchor == _load(ROOT)
    assert _check(leaf, issuing, ROOT, extra).anchor == _load(ROOT)
    assert _check(leaf, extra, issuing).anchor is None


@pytest.mark.parametrize("spoilt", ["leaf", "issuing"])
@pytest.mark.parametrize(
    ("window", "at"),
    [
        ({"not_after": AT - DAY}, AT - 2 * DAY),
        ({"not_before": AT + DAY}, AT + 2 * DAY),
    ],
)
def test_every_certificate_of_the_path_has_to_be_valid_at_the_moment(
    spoilt: str, window: dict[str, datetime], at: datetime
) -> None:
    issuing = _issuing(**(window if spoilt == "issuing" else {}))  # type: ignore[arg-type]
    leaf = _leaf(issuing, **(window if spoilt == "leaf" else {}))
    then, now = _check(leaf, issuing, at=at), _check(leaf, issuing, at=AT)
    assert then.anchor == _load(ROOT)
    assert now.anchor is None
    assert now.expired
    assert not then.expired


def test_an_issuer_has_to_be_an_authority() -> None:
    good, bad = _twins(_issuing(), _issuing(ca=False))
    assert good.anchor is not None
    assert bad.anchor is None
    assert "not a CA" in bad.why


def test_an_issuer_has_to_be_allowed_to_sign_certificates() -> None:
    good, bad = _twins(_issuing(), _issuing(key_usage=("digital_signature", "crl_sign")))
    assert good.anchor is not None
    assert bad.anchor is None
    assert "not allowed to sign" in bad.why


def test_a_leaf_issues_nothing() -> None:
    issuing = _issuing()
    leaf = _leaf(issuing)
    below = pki.issue("Below TEST leaf", leaf)
    assert _check(leaf, issuing).anchor is not None
    assert _check(below, leaf, issuing).anchor is None


def test_the_path_is_no_longer_than_an_authority_allows() -> None:
    def middle(path_length: int | None) -> tuple[Holder, Holder]:
        upper = _issuing(path_length=path_length)
        return _issuing(upper, "Chain TEST lower CA"), upper

    for path_length, holds in ((None, True), (1, True), (0, False)):
        lower, upper = middle(path_length)
        answer = _check(_leaf(lower), lower, upper)
        assert (answer.anchor is not None) is holds
        assert ("maximum path length" in answer.why) is not holds


def _only(organization: str) -> x509.NameConstraints:
    name = pki.name(None, organization=organization, unit=None)
    return x509.NameConstraints([x509.DirectoryName(name)], None)


def test_names_stay_inside_an_authoritys_constraints() -> None:
    good, bad = _twins(
        _issuing(name_constraints=_only("Aurora Entertainment")),
        _issuing(name_constraints=_only("Somebody Else")),
    )
    assert good.anchor is not None
    assert bad.anchor is None
    assert "permitted namespace" in bad.why


def test_an_authority_with_an_unknown_condition_is_not_used() -> None:
    extension = x509.UnrecognizedExtension(ObjectIdentifier("2.999.7"), b"\5\0")
    good, bad = _twins(
        _issuing(extensions=[(extension, False)]), _issuing(extensions=[(extension, True)])
    )
    assert good.anchor is not None
    assert bad.anchor is None
    assert "critical extension" in bad.why


def test_a_weak_key_vouches_for_nobody() -> None:
    good, bad = _twins(_issuing(kind=KeyKind.RSA2048), _issuing(kind=KeyKind.RSA1024))
    assert good.anchor is not None
    assert bad.anchor is None


def _signed_again(holder: Holder, issuer: Holder, algorithm: hashes.HashAlgorithm) -> bytes:
    """The certificate under another digest; a library that signs with SHA-1 is rare by now."""
    certificate = asn1_x509.Certificate.load(holder.certificate.public_bytes(Encoding.DER))
    name = f"{algorithm.name}_ecdsa"
    certificate["tbs_certificate"]["signature"] = {"algorithm": name}
    certificate["signature_algorithm"] = {"algorithm": name}
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    body = certificate["tbs_certificate"].dump(force=True)
    certificate["signature_value"] = issuer.key.sign(body, ec.ECDSA(algorithm))
    return bytes(certificate.dump(force=True))


def test_a_certificate_signed_over_sha_1_is_not_used() -> None:
    checker = ChainChecker([_load(ROOT)])
    issuing = _issuing()
    leaf, above = _leaf(issuing), issuing.certificate.public_bytes(Encoding.DER)
    for algorithm, holds in ((hashes.SHA256(), True), (hashes.SHA1(), False)):
        der = _signed_again(leaf, issuing, algorithm)
        answer = checker.check(load_der_chain([der, above], where="signature"), AT)
        assert (answer.anchor is not None) is holds


def test_a_flipped_bit_in_a_signature_ends_the_path() -> None:
    checker = ChainChecker([_load(ROOT)])
    issuing = _issuing()
    ders = [h.certificate.public_bytes(Encoding.DER) for h in (_leaf(issuing), issuing)]
    assert checker.check(load_der_chain(ders, where="x"), AT).anchor is not None
    for at in (0, 1):
        spoilt = list(ders)
        spoilt[at] = ders[at][:-1] + bytes([ders[at][-1] ^ 1])
        assert checker.check(load_der_chain(spoilt, where="x"), AT).anchor is None


@pytest.mark.parametrize(
    "text",
    ["\ue000", "\u0221", "אa", "Aurora"],
    ids=["private use", "unassigned", "mixed direction", "plain"],
)
def test_an_odd_name_is_a_chain_that_does_not_hold(text: str) -> None:
    # Stringprep (RFC 4518) refuses these, deep inside the building of a path.
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text)])
    issuing = pki.issue(subject, ROOT, key=pki.make_key("odd"), **CA)  # type: ignore[arg-type]
    answer = _check(_leaf(issuing), issuing)
    assert (answer.anchor is not None) is (text == "Aurora")
    assert answer.why.startswith("malformed certificate: ") is (text != "Aurora")


# Subject alternative name, policy mappings, subject directory attributes, unknown.
@pytest.mark.parametrize("oid", ["2.5.29.17", "2.5.29.33", "2.5.29.9", "2.999.1"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"\5\0", b"\x30\x80", b"\x30\3\x82\1\xff"])
@pytest.mark.parametrize("critical", [True, False])
def test_an_unreadable_extension_raises_nothing(
    oid: str, content: bytes, *, critical: bool
) -> None:
    extension = (x509.UnrecognizedExtension(ObjectIdentifier(oid), content), critical)
    issuing = _issuing(extensions=[extension])
    leaf = _leaf(issuing)
    try:
        chain = _chain(leaf, issuing)
    except x509.ExtensionNotFound:
        pytest.fail("loading a chain raised")
    answer = ChainChecker([_load(ROOT)]).check(chain, AT)
    assert (answer.anchor is None) is bool(answer.why)


def test_what_is_remembered_is_right_on_either_side_of_an_edge() -> None:
    start, end = AT, AT + DAY
    issuing = _issuing(not_after=AT + 9 * DAY)
    chain = _chain(_leaf(issuing, not_before=start, not_after=end), issuing)
    checker = ChainChecker([_load(ROOT)])
    second = timedelta(seconds=1)

    expected = [
        (start - second, False),
        (start, True),
        (start + second, True),
        (end - second, True),
        (end, True),
        (end + second, False),
        (AT + 9 * DAY, False),
        (AT + 10 * DAY, False),
    ]
    # Forwards, backwards and again: whatever was asked before.
    for moment, holds in [*expected, *reversed(expected), *expected]:
        assert (checker.check(chain, moment).anchor is not None) is holds, moment


def test_an_answer_is_worked_out_once_for_moments_between_the_same_edges() -> None:
    chain = _chain(_leaf(ROOT))
    checker = ChainChecker([_load(ROOT)])
    first = checker.check(chain, AT)
    assert checker.check(chain, AT + DAY) is first


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "_CACHE_ENTRIES", 5)
    checker = ChainChecker([_load(ROOT)])
    for number in range(12):
        assert checker.check(_chain(_leaf(ROOT, serial=number + 1)), AT).anchor is not None
        assert len(checker._answers) <= 5


def test_the_memory_holds_no_certificate_of_a_stranger() -> None:
    padding = x509.UnrecognizedExtension(ObjectIdentifier("2.999.2"), bytes(100_000))
    checker = ChainChecker([_load(ROOT)])
    chain = _chain(_leaf(ROOT, extensions=[(padding, False)]))
    checker.check(chain, AT)
    (key,) = checker._answers
    assert sum(len(part) for part in key) < 100


def test_one_chain_asked_at_many_moments_does_not_fill_the_memory() -> None:
    issuing = _issuing(not_before=AT, not_after=AT + 5 * DAY)
    chain = _chain(_leaf(issuing, not_before=AT + DAY, not_after=AT + 2 * DAY), issuing)
    checker = ChainChecker([_load(ROOT)])
    for hour in range(-200, 200):
        checker.check(chain, AT + timedelta(hours=hour))
        checker.check(chain, AT + DAY)
    (answers,) = checker._answers.values()
    assert len(answers) <= 2 * (2 * len(chain)) + 1


def _of_one_name(number: int) -> Holder:
    """An authority that anybody can make, with the anchor's name and without key identifiers."""
    return pki.issue(
        ROOT.certificate.subject,
        key=pki.make_key(f"heap {number}"),
        serial=number + 1,
        authority_key_id=False,
        subject_key_id=False,
        **CA,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("heap", [0, 6])
def test_a_heap_of_authorities_of_one_name_is_not_tried_in_every_order(
    heap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def count(*arguments: object) -> object:
        tried.append(arguments)
        return async_validate_path(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(chain_module, "async_validate_path", count)
    holders = [_of_one_name(number) for number in range(heap)]
    leaf = _leaf(holders[0], authority_key_id=False) if heap else _leaf(ROOT)
    answer = _check(leaf, *holders)
    assert (answer.anchor is None) is bool(heap)
    # At most once for each certificate that the anchor could have issued.
    assert len(tried) <= heap + 1


def test_each_certificate_is_issued_by_the_one_after_it() -> None:
    issuing = _issuing()
    leaf = _leaf(issuing)
    # Self-made, and put between the two under the issuer's name.
    between = pki.issue(
        issuing.certificate.subject,
        key=pki.make_key("between"),
        subject_key_id=False,
        **CA,  # type: ignore[arg-type]
    )
    assert _check(leaf, between, issuing).anchor is None
    assert _check(leaf, issuing).anchor is not None


@pytest.mark.parametrize("kind", [KeyKind.ED25519, KeyKind.P256, KeyKind.RSA2048])
@pytest.mark.parametrize("signed_by", [KeyKind.ED25519, KeyKind.P256, KeyKind.RSA2048])
def test_an_anchor_of_the_name_with_a_key_of_another_kind(
    kind: KeyKind, signed_by: KeyKind
) -> None:
    """Many roots may have one name; where nothing else tells them apart, the signature does."""
    anchor = pki.root("Chain TEST twin", kind=kind)
    other = pki.root("Chain TEST twin", kind=signed_by)
    leaf = _leaf(other)
    answer = _check(leaf, anchors=[anchor])
    assert (answer.anchors == (_load(anchor),)) is (kind is signed_by)
    if kind is not signed_by:
        assert answer.why == "a certificate is signed otherwise than its issuer's key can"
    assert _load(other) in _check(leaf, anchors=[anchor, other]).anchors
