"""Soft bindings by label, as the API asks for them."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.errors import ConflictError
from provenance.registry.register.register import Register
from provenance.runtime.binding_lookup import BindingLookup, FoundManifest
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.judging import directory_of, verifier_of
from tests.factory.registers import AGENCY, AT, store_in
from tests.factory.updates import update

NOW = AT + timedelta(hours=1)
WATERMARK, VALUE = "com.example.watermark", base64.b64encode(b"17").decode()


def test_what_others_bind_keeps_nobody_from_his_own(
    tmp_path: Path, signed_jpeg: bytes, signed_png: bytes
) -> None:
    """Whoever sees a value could otherwise bind it too, and stop its agency from changing it."""
    (_, one), (_, two) = store_in(signed_jpeg), store_in(signed_png)
    with Register(tmp_path / "register.db") as register:
        own = BindingLookup(register, AGENCY, lambda: NOW)
        stranger = BindingLookup(register, "borealis", lambda: NOW)
        first, theirs = own.store(one), stranger.store(two)
        own.bind(WATERMARK, VALUE, first)
        stranger.bind(WATERMARK, VALUE, theirs)
        assert own.repoint(WATERMARK, VALUE, first)
        assert stranger.repoint(WATERMARK, VALUE, theirs)
        found = own.by_binding(WATERMARK, VALUE, most=9)
        assert {match.label for match in found} == {first, theirs}
        # What is another's stays another's.
        with pytest.raises(ConflictError, match="there is no manifest"):
            own.repoint(WATERMARK, VALUE, theirs)
        with pytest.raises(ConflictError, match="there is no manifest"):
            own.bind(WATERMARK, VALUE, theirs)


@pytest.mark.parametrize("updated", [True, False])
def test_credentials_that_hold_lead_to_the_manifest_that_is_registered(
    tmp_path: Path,
    agency: DevAgency,
    agency_signer: MemorySigner,
    signed_jpeg: bytes,
    *,
    updated: bool,
) -> None:
    """It is the active one that a register knows, which may be an update of the one judged."""
    data = update(signed_jpeg, "image/jpeg", signer=agency_signer) if updated else signed_jpeg
    label, store = store_in(data)
    report = verifier_of(directory_of(agency)).verify(data)
    assert (report.integrity.manifest == label) is not updated
    with Register(tmp_path / "register.db") as register:
        lookup = BindingLookup(register, AGENCY, lambda: NOW)
        assert lookup.by_report(report, most=9) == []
        lookup.store(store)
        assert lookup.by_report(report, most=9) == [FoundManifest(label, 100)]
