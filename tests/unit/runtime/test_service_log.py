"""The log of the service: what it says, and what it leaves out."""

from __future__ import annotations

import json

import pytest
import structlog

from provenance.runtime.service_log import prepare_log


def test_what_is_not_known_is_left_out_and_the_rest_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    structlog.reset_defaults()
    try:
        prepare_log().info("contact-key-missing", key="2026-05", contacts=3, name="a person")
    finally:
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err)
    assert line | {"event": "contact-key-missing", "key": "2026-05", "contacts": 3} == line
    assert "name" not in line
