"""Statements of identity (CAWG): copied, cut, forged, wrongly vouched for, re-wrapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from provenance.credentials.engine_signing import IngredientSource
from provenance.findings import FindingCode
from provenance.report import Identity, Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from provenance.verdict import SignerKind, Verdict
from tests.factory import judging, media, ocsp, pki, surgery
from tests.factory.identity import Stamp, add_identity, engine_signed, with_identity
from tests.factory.judging import GOOD, House, codes
from tests.factory.manifests import json_ld
from tests.factory.pki import Holder
from tests.factory.sign import ingredient, store_of
from tests.factory.stores import Store, parse_store
from tests.factory.surgery import forge_timestamp

JPEG = "image/jpeg"
UNVOUCHED = GOOD - {FindingCode.SIGNER_IS_AGENCY}
BY_PRODUCT = UNVOUCHED | {FindingCode.SIGNER_LISTED}
CARRIED = BY_PRODUCT | {FindingCode.IDENTITY_VERIFIED}
REWRAPPED = {FindingCode.IDENTITY_VERIFIED, FindingCode.IDENTITY_REWRAPPED}
ORGANISATION_STRICT = "2.23.140.1.5.2.3"
METADATA = json_ld(dc__creator="NOVA9")
LAST_DAY = datetime(2027, 3, 31, 23, 59, tzinfo=UTC)
FIRST_DAY_AFTER = datetime(2027, 4, 1, tzinfo=UTC)

Judge = Callable[..., Report]
Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def product() -> tuple[Holder, Holder]:
    """A product: the root that its trust list has, and its signing certificate."""
    root, _, leaf = pki.three_tier("Vantage", organization="Vantage Cameras")
    return root, leaf


@pytest.fixture(scope="module")
def other_product(product: tuple[Holder, Holder]) -> Holder:
    """Another product below the same root."""
    subject = pki.name("Horizon TEST leaf", organization="Horizon Editors")
    return pki.issue(subject, product[0], eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION))


@pytest.fixture(scope="module")
def mail_root() -> Holder:
    """A public root for e-mail, on the operator's list of identities."""
    return pki.root(pki.name("Postal TEST root", organization="Postal Trust"))


@pytest.fixture(scope="module")
def press(house: House) -> MemorySigner:
    """The agency's key for identities."""
    return house.signer("Identity", eku=(pki.DOCUMENT_SIGNING,))


@pytest.fixture(scope="module")
def listed(product: tuple[Holder, Holder]) -> dict[str, Any]:
    """The product as the directory lists it."""
    return {
        "id": "vantage",
        "name": "Vantage Studio",
        "anchors": [
            {
                "certificate_pem": product[0].pem.decode(),
                "subject": {"organization": "Vantage Cameras"},
            }
        ],
    }


@pytest.fixture(scope="module")
def judge_with(  # noqa: PLR0917 - fixtures
    agency: DevAgency,
    house: House,
    product: tuple[Holder, Holder],
    meridian: tuple[Holder, Holder],
    mail_root: Holder,
    listed: Mapping[str, Any],
) -> Callable[..., Judge]:
    """A judge for a directory that lists these products; by default the one."""

    def make(
        products: Sequence[Any] | None = None, entry: Mapping[str, Any] | None = None
    ) -> Judge:
        directory = judging.directory_of(
            agency,
            house.root,
            entry={"products": [listed] if products is None else products, **(entry or {})},
        )
        verifier = judging.verifier_of(
            directory,
            trust_lists=[judging.trust_list("products", product[0])],
            time_stamp_lists=[
                judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
            ],
            identity_lists=[judging.trust_list("postal", mail_root, purpose=ListPurpose.IDENTITY)],
        )
        return verifier.verify

    return make


@pytest.fixture(scope="module")
def judge(judge_with: Callable[..., Judge]) -> Judge:
    return judge_with()


@pytest.fixture(scope="module")
def make(product: tuple[Holder, Holder], press: MemorySigner) -> Make:
    """A picture by the product with the agency's identity, each as told otherwise."""

    def call(
        *,
        signer: MemorySigner | None = None,
        identity: MemorySigner | None = None,
        assertions: Sequence[Mapping[str, Any]] = (),
        ingredients: Sequence[IngredientSource] = (),
        asset: bytes | None = None,
        **fields: Any,
    ) -> bytes:
        def edit(store: Store) -> None:
            add_identity(store, identity or press, **fields)

        return with_identity(
            asset or media.jpeg(),
            JPEG,
            signer=signer or pki.signer_of(product[1]),
            edit=edit,
            assertions=assertions,
            ingredients=ingredients,
        )

    return call


def only(report: Report) -> Identity:
    (identity,) = report.identity
    return identity


def assert_left_out(report: Report, *, why: str) -> None:
    """The statement is invalid, and the rest is judged as if it were not there."""
    assert codes(report) == BY_PRODUCT | {FindingCode.IDENTITY_INVALID}, only(report).why
    assert report.verdict is Verdict.SIGNED
    assert only(report).state == "invalid"
    assert only(report).why == why
    assert only(report).agency is None


def test_twin_an_agencys_identity_under_a_product_it_lists(make: Make, judge: Judge) -> None:
    report = judge(make())
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == CARRIED
    assert report.signer.kind is SignerKind.AGENCY
    assert report.signer.agency is not None
    assert report.signer.agency.id == "aurora-entertainment"
    assert report.signer.recognised_by == "identity:anchor:second-0 via product:vantage"
    assert report.summary == (
        "TEST. Official release of Aurora Entertainment. "
        "Published by Aurora Entertainment (identity), signed with Vantage Studio."
    )
    identity = only(report)
    assert (identity.state, identity.recognised_by) == ("verified", "anchor:second-0")
    assert identity.kind == "cawg.x509.cose"
    assert identity.roles == ("cawg.publisher",)
    assert identity.covers == ("c2pa.hash.data",)


@pytest.mark.parametrize(("order", "engine"), [("engine", "valid"), ("canonical", "mismatch")])
def test_twin_either_order_of_the_payload_is_what_was_signed(
    order: str, engine: str, make: Make, judge: Judge
) -> None:
    # The engine checks its own order alone, and calls the specification's a mismatch.
    report = judge(make(canonical=order == "canonical"))
    assert report.verdict is Verdict.OFFICIAL
    (found,) = [f for f in report.findings if f.code is FindingCode.IDENTITY_VERIFIED]
    assert found.evidence["own"] == "valid"
    assert found.evidence["engine"] == engine


def test_twin_the_engines_own_statement_of_identity(
    product: tuple[Holder, Holder], house: House, judge: Judge
) -> None:
    holder = pki.issue(pki.name("Engine TEST leaf"), house.issuing, eku=(pki.DOCUMENT_SIGNING,))
    data = engine_signed(
        media.jpeg(),
        JPEG,
        claim=product[1],
        identity=holder,
        references=["cawg.metadata"],
        assertions=[METADATA],
    )
    report = judge(data)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == CARRIED
    assert only(report).covers == ("cawg.metadata", "c2pa.hash.data")


def test_an_identity_copied_to_another_file(make: Make, judge: Judge) -> None:
    def first_binding(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        taken.extend(entries)
        return entries

    taken: list[dict[str, Any]] = []
    assert judge(make(change=first_binding)).verdict is Verdict.OFFICIAL
    report = judge(make(asset=media.jpeg(7), change=lambda _: taken))
    assert_left_out(
        report,
        why="it refers to an assertion with another digest than the claim: c2pa.hash.data",
    )


def test_a_whole_store_copied_to_another_file(make: Make, judge: Judge) -> None:
    data = make()
    store = store_of(data, JPEG)
    report = judge(surgery.embed_store(media.jpeg(7), JPEG, store))
    assert report.verdict is Verdict.ALTERED
    assert only(report).state == "unverified"
    assert only(report).why == "the credentials that it stands in do not hold"
    assert report.signer.agency is None
    assert "Aurora" not in report.summary


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "hard binding omitted",
        {"references": ("c2pa.actions.v2",)},
        "it does not refer to the hard binding",
    ),
    (
        "nothing referred to",
        {"references": ()},
        "it is malformed: cawg.identity: expected referenced_assertions to be a filled array",
    ),
    (
        "reference twice",
        {"references": ("c2pa.hash.data", "c2pa.actions.v2", "c2pa.actions.v2")},
        "it refers to an assertion twice",
    ),
    (
        "self reference",
        {
            "change": lambda entries: [
                *entries,
                {"url": "self#jumbf=c2pa.assertions/cawg.identity", "hash": bytes(32)},
            ]
        },
        "it refers to itself",
    ),
    (
        "digest of another assertion",
        {
            "references": ("c2pa.hash.data", "c2pa.actions.v2"),
            "change": lambda entries: [entries[0], {**entries[1], "hash": bytes(32)}],
        },
        "it refers to an assertion with another digest than the claim: c2pa.actions.v2",
    ),
    (
        "digest by another algorithm",
        {"change": lambda entries: [{**entries[0], "alg": "sha384"}]},
        "it refers to an assertion with another digest than the claim: c2pa.hash.data",
    ),
    (
        "assertion that is not there",
        {
            "change": lambda entries: [
                *entries,
                {"url": "self#jumbf=c2pa.assertions/cawg.metadata", "hash": bytes(32)},
            ]
        },
        "it refers to an assertion that is not in the claim: cawg.metadata",
    ),
    (
        "same label in another store",
        {
            "change": lambda entries: [
                {**entries[0], "url": "self#jumbf=c2pa.databoxes/c2pa.hash.data"}
            ]
        },
        "it refers to an assertion that is not in the claim: c2pa.hash.data",
    ),
    ("signature spoilt", {"spoil_signature": True}, "its signature does not belong to it"),
    ("another payload signed", {"sign_other": True}, "its signature does not belong to it"),
    (
        "certificates not signed",
        {"chain_protected": False},
        "its signature does not belong to it",
    ),
    ("pad1 holds data", {"pad1": b"\0\1"}, "its padding holds something else than zeros"),
    ("pad2 holds data", {"pad2": b"\0\1"}, "its padding holds something else than zeros"),
    (
        "no role in the roles",
        {"roles": ()},
        "it is malformed: cawg.identity: expected role to be a filled array of texts",
    ),
]


@pytest.mark.parametrize(
    ("fields", "why"), [entry[1:] for entry in WRONG], ids=[entry[0] for entry in WRONG]
)
def test_a_statement_that_is_wrong_is_left_out_of_account(
    fields: dict[str, Any], why: str, make: Make, judge: Judge
) -> None:
    assert_left_out(judge(make(**fields)), why=why)


@pytest.mark.parametrize("kept", ["both", "one"])
def test_the_hard_binding_under_its_relative_and_its_absolute_address(
    kept: str, product: tuple[Holder, Holder], press: MemorySigner, judge: Judge
) -> None:
    def edit(store: Store) -> None:
        def absolute(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
            url = f"self#jumbf=/c2pa/{store.label}/c2pa.assertions/c2pa.hash.data"
            return [*(entries if kept == "both" else ()), {**entries[0], "url": url}]

        add_identity(store, press, change=absolute)

    report = judge(with_identity(media.jpeg(), JPEG, signer=pki.signer_of(product[1]), edit=edit))
    if kept == "both":
        assert_left_out(report, why="it refers to an assertion twice")
    else:
        assert report.verdict is Verdict.OFFICIAL


@pytest.mark.parametrize(
    ("label", "references", "why"),
    [
        ("c2pa.hash.data", (), "it refers to another hard binding than that of these bytes"),
        (
            "c2pa.hash.data",
            ("c2pa.hash.data",),
            "it refers to another hard binding than that of these bytes",
        ),
        ("c2pa.actions.v2", ("c2pa.hash.data",), ""),
    ],
)
def test_a_reference_to_an_assertion_of_an_ingredient(  # noqa: PLR0917 - fixtures
    label: str, references: tuple[str, ...], why: str, make: Make, signed_png: bytes, judge: Judge
) -> None:
    beneath = parse_store(store_of(signed_png, "image/png"))
    listed = beneath.claim["created_assertions"]
    (entry,) = [e for e in listed if e["url"].endswith(f"/{label}")]
    url = f"self#jumbf=/c2pa/{beneath.label}/c2pa.assertions/{label}"

    report = judge(
        make(
            ingredients=[ingredient(signed_png, "image/png")],
            references=references,
            change=lambda entries: [*entries, {**entry, "url": url}],
        )
    )
    if why:
        assert (only(report).state, only(report).why) == ("invalid", why)
        assert report.verdict is Verdict.SIGNED
    else:
        assert report.verdict is Verdict.OFFICIAL
        assert only(report).covers == (
            "c2pa.hash.data",
            f"{beneath.label}/c2pa.assertions/c2pa.actions.v2",
        )


def test_twin_everything_that_may_be_there(make: Make, judge: Judge) -> None:
    references = ("c2pa.hash.data", "c2pa.actions.v2")
    fields = {"named_actor_claims": [b"\0"]}
    report = judge(
        make(references=references, pad1=bytes(99), pad2=bytes(3), roles=None, fields=fields)
    )
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == CARRIED
    assert only(report).roles == ()
    assert only(report).covers == references


def test_a_second_statement_that_is_wrong_takes_nothing_from_the_first(
    product: tuple[Holder, Holder], press: MemorySigner, judge: Judge
) -> None:
    def edit(store: Store) -> None:
        add_identity(store, press, spoil_signature=True)
        add_identity(store, press, label="cawg.identity__1")

    report = judge(with_identity(media.jpeg(), JPEG, signer=pki.signer_of(product[1]), edit=edit))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == CARRIED | {FindingCode.IDENTITY_INVALID}
    assert [(i.assertion, i.state) for i in report.identity] == [
        ("cawg.identity__1", "verified"),
        ("cawg.identity", "invalid"),
    ]


def test_the_engine_calls_a_statement_right_that_is_not_signed_as_it_stands(
    make: Make, judge: Judge
) -> None:
    # Written in one order and signed in another: the engine writes it anew.
    def edit(store: Store) -> None:
        said = store.assertion("cawg.identity")
        payload = said["signer_payload"]
        said["signer_payload"] = {**dict(reversed(payload.items())), "role": ["cawg.publisher"]}
        store.set_assertion("cawg.identity", said)

    press_signed = make(payload_fields={})
    assert judge(press_signed).verdict is Verdict.OFFICIAL
    data = surgery.resign(press_signed, JPEG, signer=_product_signer(), edit=edit)
    report = judge(data)
    assert_left_out(report, why="its signature does not belong to it")
    (found,) = [f for f in report.findings if f.code is FindingCode.IDENTITY_INVALID]
    assert (found.evidence["own"], found.evidence["engine"]) == ("mismatch", "valid")


def _product_signer() -> MemorySigner:
    return pki.signer_of(pki.three_tier("Vantage", organization="Vantage Cameras")[2])


def test_a_self_made_certificate_with_the_agencys_names(make: Make, judge: Judge) -> None:
    impostor = pki.three_tier("Aurora", eku=(pki.DOCUMENT_SIGNING,))[2]
    report = judge(make(identity=pki.signer_of(impostor)))
    assert report.verdict is Verdict.SIGNED
    assert codes(report) - {FindingCode.IMPOSTOR_NAME} == BY_PRODUCT | {
        FindingCode.IDENTITY_UNVERIFIED
    }
    assert only(report).state == "unverified"
    assert only(report).agency is None
    assert only(report).says_name == "Aurora Entertainment"
    assert only(report).why == "no agency and no list of identities vouches for its certificate"


def test_a_claim_anchor_vouches_for_no_identity(
    make: Make, product: tuple[Holder, Holder], judge: Judge
) -> None:
    leaf = pki.issue(
        pki.name("Somebody TEST", organization="Somebody"),
        product[0],
        eku=(pki.DOCUMENT_SIGNING,),
    )
    report = judge(make(identity=pki.signer_of(leaf)))
    assert report.verdict is Verdict.SIGNED
    assert codes(report) == BY_PRODUCT | {FindingCode.IDENTITY_UNVERIFIED}
    assert only(report).recognised_by is None


def test_an_identity_anchor_vouches_for_no_claim(
    make: Make, mail_root: Holder, judge: Judge
) -> None:
    leaf = pki.issue(
        pki.name("Somebody TEST", organization="Somebody"),
        mail_root,
        eku=(pki.DOCUMENT_SIGNING,),
    )
    report = judge(make(signer=pki.signer_of(leaf), identity=pki.signer_of(leaf)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == UNVOUCHED | {
        FindingCode.SIGNER_UNRECOGNISED,
        FindingCode.IDENTITY_VERIFIED,
    }
    assert only(report).recognised_by == "list:postal"
    assert only(report).agency is None


def test_a_list_cannot_be_given_for_the_other_purpose(agency: DevAgency, mail_root: Holder) -> None:
    directory = judging.directory_of(agency)
    claims = judging.trust_list("claims", mail_root)
    identities = judging.trust_list("people", mail_root, purpose=ListPurpose.IDENTITY)
    with pytest.raises(ValueError, match="a list for another purpose cannot vouch for identities"):
        judging.verifier_of(directory, identity_lists=[claims])
    for option in ("trust_lists", "time_stamp_lists"):
        with pytest.raises(ValueError, match="cannot vouch for"):
            judging.verifier_of(directory, **{option: [identities]})
    report = judging.verifier_of(directory, identity_lists=[identities]).verify(media.jpeg())
    assert [entry.purpose for entry in report.context.trust_lists] == ["identity"]


MAIL_CASES = {
    "organisation validated and stamped": ((ORGANISATION_STRICT,), LAST_DAY, ""),
    "no policy": (
        (),
        LAST_DAY,
        "its e-mail certificate has no policy under which somebody was identified",
    ),
    "mailbox validated": (
        ("2.23.140.1.5.1.3",),
        LAST_DAY,
        "its e-mail certificate has no policy under which somebody was identified",
    ),
    "no time-stamp": (
        (ORGANISATION_STRICT,),
        None,
        "no trusted time-stamp says when it was made with its e-mail certificate",
    ),
    "after the cut-off": (
        (ORGANISATION_STRICT,),
        FIRST_DAY_AFTER,
        "it was made with an e-mail certificate after 31 March 2027",
    ),
}


@pytest.mark.parametrize("whose", ["its own", "the manifest's"])
@pytest.mark.parametrize("name", MAIL_CASES)
def test_an_e_mail_certificate_under_a_public_root(  # noqa: PLR0917 - fixtures
    name: str,
    whose: str,
    make: Make,
    mail_root: Holder,
    meridian: tuple[Holder, Holder],
    judge: Judge,
) -> None:
    policies, stamped, why = MAIL_CASES[name]
    leaf = pki.issue(
        pki.name("Mail TEST", organization="Aurora Entertainment"),
        mail_root,
        eku=(pki.EMAIL_PROTECTION, pki.DOCUMENT_SIGNING),
        policies=policies,
    )
    stamp = None if stamped is None else Stamp(tsa=meridian[1], gen_time=stamped)
    data = make(identity=pki.signer_of(leaf), stamp=stamp if whose == "its own" else None)
    if stamped is not None and whose == "the manifest's":
        data = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=stamped)
    identity = only(judge(data, at=FIRST_DAY_AFTER + timedelta(days=9)))
    if why:
        assert (identity.state, identity.why) == ("unverified", why)
    else:
        assert (identity.state, identity.recognised_by) == ("verified", "list:postal")
        assert identity.agency is None


@pytest.mark.parametrize("flaw", ["unlisted authority", "old header", "other bytes"])
def test_a_stamp_that_proves_nothing_dates_no_e_mail_certificate(  # noqa: PLR0917 - fixtures
    flaw: str,
    make: Make,
    mail_root: Holder,
    meridian: tuple[Holder, Holder],
    home_made: Holder,
    judge: Judge,
) -> None:
    leaf = pki.issue(
        pki.name("Mail TEST"),
        mail_root,
        eku=(pki.EMAIL_PROTECTION,),
        policies=(ORGANISATION_STRICT,),
    )
    stamp = Stamp(
        tsa=home_made if flaw == "unlisted authority" else meridian[1],
        gen_time=datetime(2026, 5, 1, tzinfo=UTC),
        header="sigTst" if flaw == "old header" else "sigTst2",
        imprint=bytes(32) if flaw == "other bytes" else None,
    )
    identity = only(judge(make(identity=pki.signer_of(leaf), stamp=stamp)))
    assert identity.state == "unverified"
    assert identity.why == MAIL_CASES["no time-stamp"][2]


def test_a_certificate_for_claims_is_no_identity_on_a_list(
    make: Make, mail_root: Holder, judge: Judge
) -> None:
    leaf = pki.issue(pki.name("Product TEST"), mail_root, eku=(pki.CLAIM_SIGNING,))
    identity = only(judge(make(identity=pki.signer_of(leaf))))
    assert identity.state == "unverified"
    assert identity.why == "its certificate was issued to a product, not for an identity"


def test_a_certificate_for_another_purpose_signs_no_identity(
    make: Make, house: House, judge: Judge
) -> None:
    signer = house.signer("Stamps", eku=(pki.DOCUMENT_SIGNING, pki.TIME_STAMPING))
    report = judge(make(identity=signer))
    assert report.verdict is Verdict.SIGNED
    assert only(report).state == "unverified"
    assert only(report).why == (
        "its certificate may not sign: extended key usage is neither timeStamping nor "
        "OCSPSigning, got 1.3.6.1.5.5.7.3.36, 1.3.6.1.5.5.7.3.8"
    )


END = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamped", "state", "verdict"),
    [
        (END - timedelta(days=9), "verified", Verdict.OFFICIAL),
        (None, "unverified", Verdict.SIGNED),
        (END + timedelta(days=9), "invalid", Verdict.SIGNED),
    ],
)
def test_an_identity_whose_certificate_has_ended(  # noqa: PLR0917 - fixtures
    stamped: datetime | None,
    state: str,
    verdict: Verdict,
    make: Make,
    house: House,
    meridian: tuple[Holder, Holder],
    judge: Judge,
) -> None:
    signer = house.signer("Ended identity", eku=(pki.DOCUMENT_SIGNING,), not_after=END)
    stamp = None if stamped is None else Stamp(tsa=meridian[1], gen_time=stamped)
    report = judge(make(identity=signer, stamp=stamp))
    assert (only(report).state, report.verdict) == (state, verdict)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"scope": {"media_kinds": ["video"]}}, "this kind of release"),
        ({"revoked": "leaf"}, "the agency whose key it is has disowned it"),
    ],
)
def test_the_directorys_rules_for_keys_are_those_for_claims(
    entry: dict[str, Any],
    why: str,
    make: Make,
    press: MemorySigner,
    judge_with: Callable[..., Judge],
) -> None:
    if "revoked" in entry:
        leaf = x509.load_pem_x509_certificates(press.certificate_chain_pem)[0]
        entry = {"revoked": [{"spki_sha256": pki.spki_sha256(leaf)}]}
    report = judge_with(entry=entry)(make())
    assert report.verdict is Verdict.SIGNED
    assert codes(report) == BY_PRODUCT | {FindingCode.IDENTITY_UNVERIFIED}
    assert why in only(report).why


@pytest.mark.parametrize("limited", [True, False])
def test_a_limit_that_nobody_could_check_is_named_whoever_signs_the_claim(
    limited: bool,  # noqa: FBT001 - a column of the table above
    make: Make,
    judge_with: Callable[..., Judge],
) -> None:
    scope = {"artists": ["NOVA9"]} if limited else {}
    report = judge_with(entry={"scope": scope})(make())
    assert report.verdict is Verdict.OFFICIAL
    assert ("artist scope" in {check.check for check in report.checks_not_run}) is limited


def test_a_disowned_key_is_not_brought_back_by_a_list(
    make: Make, mail_root: Holder, judge: Judge, judge_with: Callable[..., Judge]
) -> None:
    leaf = pki.issue(pki.name("Stolen TEST"), mail_root, eku=(pki.DOCUMENT_SIGNING,))
    data = make(identity=pki.signer_of(leaf))
    assert only(judge(data)).recognised_by == "list:postal"
    entry = {"revoked": [{"spki_sha256": pki.spki_sha256(leaf.certificate)}]}
    identity = only(judge_with(entry=entry)(data))
    assert (identity.state, identity.recognised_by) == ("unverified", None)
    assert identity.why == "the agency whose key it is has disowned it"


@pytest.mark.parametrize("revoked", ["leaf", "issuing authority", "nobody"])
def test_an_identity_whose_certificate_was_revoked(
    revoked: str, make: Make, house: House, press: MemorySigner, judge: Judge
) -> None:
    leaf = x509.load_pem_x509_certificates(press.certificate_chain_pem)[0]
    subject, issuer = (
        (house.issuing.certificate, house.root)
        if revoked == "issuing authority"
        else (leaf, house.issuing)
    )
    answer = ocsp.make_response(
        subject,
        issuer,
        this_update=judging.AT - timedelta(days=1),
        revoked_at=None if revoked == "nobody" else judging.AT - timedelta(days=30),
    )
    report = judge(make(ocsp=[answer]))
    if revoked == "nobody":
        assert report.verdict is Verdict.OFFICIAL
        assert codes(report) == CARRIED
    else:
        assert report.verdict is Verdict.SIGNED
        assert codes(report) == BY_PRODUCT | {FindingCode.IDENTITY_UNVERIFIED}
        assert only(report).why == "its certificate, or one above it, had been revoked"


@pytest.mark.parametrize("who", ["other product", "stranger"])
def test_rewrapped_under_a_claim_by_somebody_the_agency_does_not_list(
    who: str, make: Make, other_product: Holder, stranger: MemorySigner, judge: Judge
) -> None:
    signer = stranger if who == "stranger" else pki.signer_of(other_product)
    report = judge(make(signer=signer))
    assert report.signer.agency is None
    assert only(report).state == "verified"
    assert only(report).agency is not None
    if who == "stranger":
        assert report.verdict is Verdict.SIGNED_UNRECOGNISED
        assert codes(report) == UNVOUCHED | {FindingCode.SIGNER_UNRECOGNISED} | REWRAPPED
        assert report.summary == "TEST. Signed by someone we cannot identify."
    else:
        assert report.verdict is Verdict.SIGNED
        assert codes(report) == BY_PRODUCT | REWRAPPED


def test_the_original_rewrapped_from_the_listed_products_file(
    make: Make, other_product: Holder, judge: Judge
) -> None:
    data = make()
    assert judge(data).verdict is Verdict.OFFICIAL
    report = judge(surgery.resign(data, JPEG, signer=pki.signer_of(other_product)))
    assert report.verdict is Verdict.SIGNED
    assert codes(report) == BY_PRODUCT | REWRAPPED


@pytest.mark.parametrize(
    ("name", "listed_as", "verdict"),
    [
        ("its key", "key", Verdict.OFFICIAL),
        ("another key", "other key", Verdict.SIGNED),
        ("a bare name", "name", Verdict.SIGNED),
        ("nothing", "nothing", Verdict.SIGNED),
        ("its root and another subject", "other subject", Verdict.SIGNED),
        ("another root and its subject", "other root", Verdict.SIGNED),
        ("a time that has passed", "past", Verdict.SIGNED),
    ],
)
def test_how_the_directory_knows_a_product(  # noqa: PLR0917 - fixtures
    name: str,
    listed_as: str,
    verdict: Verdict,
    make: Make,
    product: tuple[Holder, Holder],
    other_product: Holder,
    listed: Mapping[str, Any],
    mail_root: Holder,
    judge_with: Callable[..., Judge],
) -> None:
    entry = {"id": "vantage", "name": "Vantage Studio"}
    anchor = listed["anchors"][0]
    products: dict[str, list[Any]] = {
        "key": [{**entry, "spki_sha256": [pki.spki_sha256(product[1].certificate)]}],
        "other key": [{**entry, "spki_sha256": [pki.spki_sha256(other_product.certificate)]}],
        "name": ["Vantage Studio", "Aurora TEST Press Room 1.0"],
        "nothing": [],
        "other subject": [{**entry, "anchors": [{**anchor, "subject": {"organization": "V"}}]}],
        "other root": [
            {**entry, "anchors": [{**anchor, "certificate_pem": mail_root.pem.decode()}]}
        ],
        "past": [{**listed, "not_after": "2026-01-01T00:00:00Z"}],
    }
    report = judge_with(products[listed_as])(make())
    assert report.verdict is verdict, name
    assert report.has(FindingCode.IDENTITY_REWRAPPED) is (verdict is Verdict.SIGNED)


def test_a_listed_product_that_no_trust_list_vouches_for(
    make: Make, stranger: MemorySigner, judge_with: Callable[..., Judge]
) -> None:
    leaf = x509.load_pem_x509_certificates(stranger.certificate_chain_pem)[0]
    products = [{"id": "x", "name": "X", "spki_sha256": [pki.spki_sha256(leaf)]}]
    report = judge_with(products)(make(signer=stranger))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert codes(report) == UNVOUCHED | {FindingCode.SIGNER_UNRECOGNISED} | REWRAPPED


@pytest.mark.parametrize("roles", [("cawg.sponsor",), ("cawg.contributor", "cawg.editor")])
def test_an_agency_that_does_not_say_it_published(
    roles: tuple[str, ...], make: Make, judge: Judge
) -> None:
    report = judge(make(roles=roles))
    assert report.verdict is Verdict.SIGNED
    assert codes(report) == CARRIED
    assert only(report).agency is not None
    assert judge(make(roles=(*roles, "cawg.publisher"))).verdict is Verdict.OFFICIAL


def test_aggregated_claims_of_an_issuer_nobody_lists(make: Make, judge: Judge) -> None:
    report = judge(make(sig_type="cawg.identity_claims_aggregation"))
    why = "no issuer of aggregated identity claims is listed, and none is looked up"
    assert report.verdict is Verdict.SIGNED
    assert codes(report) == BY_PRODUCT | {FindingCode.IDENTITY_UNVERIFIED}
    assert (only(report).state, only(report).why) == ("unverified", why)
    assert ("identity", f"cawg.identity: {why}") in {
        (check.check, check.why) for check in report.checks_not_run
    }


@pytest.mark.parametrize("more", [("cawg.metadata",), ()])
def test_what_an_identity_does_not_cover_is_not_attributed_to_it(
    more: tuple[str, ...], make: Make, judge: Judge
) -> None:
    covered = bool(more)
    references = ("c2pa.hash.data", *more)
    report = judge(make(references=references, assertions=[METADATA]))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == CARRIED
    assert ("cawg.metadata" in only(report).covers) is covered
    signed = {field.name for field in report.metadata if field.source == "assertion"}
    assert signed == ({"dc:creator"} if covered else set())
    (found,) = [f for f in report.findings if f.code is FindingCode.IDENTITY_VERIFIED]
    assert ("cawg.metadata" in found.evidence["does_not_cover"]) is not covered


def test_an_agency_that_signs_the_claim_itself_needs_no_identity(
    make: Make, agency_signer: MemorySigner, judge: Judge
) -> None:
    report = judge(make(signer=agency_signer))
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.IDENTITY_VERIFIED}
    assert report.signer.recognised_by == "anchor:aurora-entertainment-test-root"
    assert report.summary == "TEST. Official release of Aurora Entertainment."
    spoilt = judge(make(signer=agency_signer, spoil_signature=True))
    assert spoilt.verdict is Verdict.OFFICIAL
    assert codes(spoilt) == GOOD | {FindingCode.IDENTITY_INVALID}
