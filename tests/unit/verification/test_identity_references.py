"""What a statement of identity refers to."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from provenance.credentials import manifest_store
from provenance.credentials.identity import IdentityAssertion
from provenance.credentials.manifest_store import HashedUri
from provenance.limits import Limits
from provenance.verification.identity_references import References
from provenance.verification.selection import Judged


def _identity(*references: HashedUri) -> IdentityAssertion:
    return IdentityAssertion(
        label="cawg.identity",
        references=references,
        sig_type="cawg.x509.cose",
        roles=(),
        signature=b"signature",
        pads_are_zero=True,
        encodings=(),
        engine_encoding=b"",
    )


@pytest.mark.parametrize("wrong", [True, False])
def test_a_manifest_that_many_ingredients_refer_to_is_hashed_once(
    *, wrong: bool, makes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = makes.manifest("source")
    active = makes.manifest("active", components=["source"] * 50, wrong_digest=wrong)
    hashed: list[bytes] = []

    def count(data: bytes) -> Any:
        hashed.append(data)
        return hashlib.sha256(data)

    monkeypatch.setitem(manifest_store._HASHES, "sha256", count)
    binding = next(r for r in source.claim.references if r.label == "c2pa.hash.data")
    url = "self#jumbf=/c2pa/source/c2pa.assertions/c2pa.hash.data"
    references = References(Judged(manifest=active, binding=active), makes.store(), Limits())
    fault = references.fault(_identity(HashedUri(url, binding.digest, None)))
    assert ("not in the claim" in fault) is wrong
    assert hashed.count(source.box.payload) == 1
