"""Products in a directory: known by what signs their claims, never by a name."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.errors import DirectoryError
from provenance.signing.dev_agency import DevAgency
from provenance.trust.directory import Product
from tests.factory import judging, pki

ROOT, _, LEAF = pki.three_tier("Vantage", organization="Vantage Cameras")
ANCHOR = {"certificate_pem": ROOT.pem.decode(), "subject": {"organization": "Vantage Cameras"}}
KEY = pki.spki_sha256(LEAF.certificate)
NAMED = {"id": "vantage", "name": "Vantage Studio"}


def listed(agency: DevAgency, *products: Any) -> tuple[Any, ...]:
    loaded = judging.directory_of(agency, entry={"products": list(products)})
    return loaded.document.agencies[0].products


def test_a_product_is_listed_by_its_keys_or_by_its_issuer_and_subject(agency: DevAgency) -> None:
    by_key, by_anchor, bare = listed(
        agency,
        {**NAMED, "spki_sha256": [KEY], "not_after": "2027-01-01T00:00:00Z"},
        {**NAMED, "id": "second", "anchors": [ANCHOR]},
        "a bare name",
    )
    assert isinstance(by_key, Product)
    assert by_key.spki_sha256 == (KEY,)
    assert by_anchor.anchors[0].certificate.says_common_name == "Vantage TEST root"
    assert bare == "a bare name"
    assert listed(agency) == ()


@pytest.mark.parametrize(
    ("product", "reason"),
    [
        (NAMED, "expected spki_sha256 or anchors"),
        ({**NAMED, "spki_sha256": ["00"]}, "String should match pattern"),
        ({**NAMED, "spki_sha256": [KEY], "id": "Not An Id"}, "String should match pattern"),
        ({**NAMED, "spki_sha256": [KEY], "claim_generator": "Vantage"}, "Extra inputs are not"),
        (
            {**NAMED, "anchors": [{**ANCHOR, "subject": {}}]},
            "expected organization or common_name",
        ),
        (
            {**NAMED, "anchors": [{**ANCHOR, "certificate_pem": LEAF.pem.decode()}]},
            "product anchor: its certificate is not that of a CA",
        ),
        (
            {
                **NAMED,
                "spki_sha256": [KEY],
                "not_before": "2027-01-01T00:00:00Z",
                "not_after": "2026-01-01T00:00:00Z",
            },
            "not_before is later than not_after",
        ),
    ],
)
def test_a_product_that_could_be_anybodys_is_refused(
    product: dict[str, Any], reason: str, agency: DevAgency
) -> None:
    listed(agency, {**NAMED, "spki_sha256": [KEY]})
    with pytest.raises(DirectoryError, match=reason):
        listed(agency, product)


def test_one_id_names_one_product(agency: DevAgency) -> None:
    product = {**NAMED, "spki_sha256": [KEY]}
    with pytest.raises(DirectoryError, match="product vantage is listed twice"):
        listed(agency, product, product)
