"""Soft bindings by label, as the API asks for them."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.errors import ConflictError
from provenance.registry.register.register import Register
from provenance.runtime.binding_lookup import BindingLookup
from tests.factory.registers import AGENCY, AT, store_in

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
