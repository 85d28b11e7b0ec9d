from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import DirectoryError
from provenance.signing.dev_agency import DevAgency
from provenance.trust.certificates import Certificate, load_der
from provenance.trust.directory import (
    About,
    Key,
    LoadedDirectory,
    RevokedCertificate,
    Scope,
    load_directory,
    parse_directory,
)
from tests.factory import pki

ROOT, ISSUING, LEAF = pki.three_tier(unit=None)
TRIAL = pki.root("Trial TEST root")
AT = datetime(2026, 5, 5, tzinfo=UTC)
SPKI = "5a" * 32


def _document() -> dict[str, Any]:
    """A directory with two agencies that breaks no rule."""
    return {
        "schema_version": "1",
        "name": "Studio directory",
        "version": 3,
        "issued_at": "2026-01-01T00:00:00Z",
        "agencies": [
            {
                "id": "aurora",
                "names": [
                    {"language": "ko", "name": "오로라 엔터테인먼트"},
                    {"language": "en", "name": "Aurora Entertainment"},
                ],
                "keys": [{"id": "2026", "spki_sha256": SPKI}],
                "anchors": [
                    {
                        "id": "root",
                        "certificate_pem": ROOT.pem.decode(),
                        "subject": {"organization": "Aurora Entertainment"},
                    }
                ],
                "revoked": [{"spki_sha256": "00" * 32, "since": "2026-02-01T00:00:00Z"}],
                "channels": [{"kind": "website", "url": "https://aurora.example/news"}],
            },
            {
                "id": "borealis",
                "names": [{"language": "ja", "name": "ボレアリス"}],
                "keys": [{"id": "2026", "spki_sha256": "77" * 32}],
            },
        ],
    }


def _parse(document: object) -> LoadedDirectory:
    return parse_directory(json.dumps(document).encode(), where="d.json", source="local, unsigned")


def _leaf() -> Certificate:
    return load_der(LEAF.certificate.public_bytes(Encoding.DER), where="leaf")


def test_a_directory_is_read() -> None:
    data = json.dumps(_document()).encode()
    loaded = parse_directory(data, where="d.json", source="local, unsigned")
    aurora, borealis = loaded.document.agencies
    assert loaded.sha256 == hashlib.sha256(data).hexdigest()
    assert loaded.source == "local, unsigned"
    assert not loaded.document.test
    assert aurora.name == "Aurora Entertainment"
    assert borealis.name == "ボレアリス"
    assert aurora.anchors[0].certificate.says_common_name == "Aurora TEST root"


def test_the_sample_agencys_own_directory_is_read(agency: DevAgency) -> None:
    entry = agency.directory_entry(list_key=True)
    assert _parse(entry).document.test


Edit = Callable[[dict[str, Any]], object]


def _aurora(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["agencies"][0]
    return found


@pytest.mark.parametrize(
    ("edit", "place", "reason"),
    [
        (lambda d: d.update(schema_version="2"), "schema_version", "Input should be '1'"),
        (lambda d: d.update(version=0), "version", "greater than or equal to 1"),
        (lambda d: d.update(name=""), "name", "at least 1 character"),
        (lambda d: d.pop("issued_at"), "issued_at", "Field required"),
        (lambda d: d.update(issued_at="2026-01-01T00:00:00"), "issued_at", "timezone"),
        (lambda d: d.update(trusted=True), "trusted", "Extra inputs are not permitted"),
        (lambda d: _aurora(d).update(key=[]), "agencies.0.key", "Extra inputs"),
        (
            lambda d: _aurora(d)["keys"][0].update(compromised="2026-01-01T00:00:00Z"),
            "agencies.0.keys.0.compromised",
            "Extra inputs",
        ),
        (
            lambda d: _aurora(d)["revoked"][0].update(sinse="2026-01-01T00:00:00Z"),
            "agencies.0.revoked.0.sinse",
            "Extra inputs",
        ),
        (lambda d: _aurora(d).update(names=[]), "agencies.0.names", "at least 1 item"),
        (lambda d: _aurora(d).update(id="Aurora"), "agencies.0.id", "String should match"),
        (lambda d: _aurora(d).update(id="borealis"), "agencies", "borealis is listed twice"),
        (
            lambda d: _aurora(d)["keys"][0].update(spki_sha256="77" * 32),
            "document",
            "one key is listed for both aurora and borealis",
        ),
        (
            lambda d: _aurora(d)["keys"].append({"id": "old", "spki_sha256": SPKI}),
            "document",
            "one key is listed twice for aurora",
        ),
        (
            lambda d: _aurora(d)["keys"].append({"id": "2026", "spki_sha256": "11" * 32}),
            "agencies.0",
            "key 2026 is listed twice",
        ),
        (
            lambda d: _aurora(d)["anchors"].append(_aurora(d)["anchors"][0]),
            "agencies.0",
            "anchor root is listed twice",
        ),
        (
            lambda d: _aurora(d)["keys"][0].update(spki_sha256="5A" * 32),
            "agencies.0.keys.0.spki_sha256",
            "String should match",
        ),
        (
            lambda d: _aurora(d)["keys"][0].update(
                not_before="2026-02-01T00:00:00Z", not_after="2026-01-01T00:00:00Z"
            ),
            "agencies.0.keys.0",
            "not_before is later than not_after",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].update(certificate_pem=LEAF.pem.decode()),
            "agencies.0.anchors.0",
            "anchor root: its certificate is not that of a CA; list a key",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].update(
                certificate_pem=(ROOT.pem + ISSUING.pem).decode()
            ),
            "agencies.0.anchors.0",
            "anchor root: expected one certificate, got 2",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].update(certificate_pem="certificate"),
            "agencies.0.anchors.0",
            "anchor root: expected at least one certificate, got none",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].update(certificate_pem=ROOT.key_pem.decode()),
            "agencies.0.anchors.0",
            "expected a CERTIFICATE block, got PRIVATE KEY",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].update(subject={}),
            "agencies.0.anchors.0.subject",
            "expected organization or common_name",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].update(subject={"organization": ""}),
            "agencies.0.anchors.0.subject.organization",
            "at least 1 character",
        ),
        (
            lambda d: _aurora(d)["anchors"][0].pop("subject"),
            "agencies.0.anchors.0.subject",
            "Field required",
        ),
        (
            lambda d: _aurora(d).update(revoked=[{}]),
            "agencies.0.revoked.0",
            "expected spki_sha256, or serial_number with issuer_common_name",
        ),
        (
            lambda d: _aurora(d).update(revoked=[{"serial_number": "1f"}]),
            "agencies.0.revoked.0",
            "expected spki_sha256, or serial_number with issuer_common_name",
        ),
        (
            lambda d: _aurora(d).update(
                revoked=[{"serial_number": "0x1f", "issuer_common_name": "CA"}]
            ),
            "agencies.0.revoked.0.serial_number",
            "String should match",
        ),
        (
            lambda d: _aurora(d).update(scope={"media_kinds": ["film"]}),
            "agencies.0.scope.media_kinds.0",
            "Input should be",
        ),
        (
            lambda d: _aurora(d).update(test=True),
            "document",
            "agency aurora is marked as a test, and this directory is not a test directory",
        ),
    ],
)
def test_one_defect_is_refused_with_its_place(edit: Edit, place: str, reason: str) -> None:
    document = _document()
    _parse(document)
    edit(document)
    with pytest.raises(DirectoryError) as error:
        _parse(document)
    assert str(error.value).startswith(f"d.json: {place}: ")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://aurora.example",
        "javascript:alert(1)",
        "https://",
        "https://aurora.example/a b",
        'https://aurora.example/"onclick=',
        "https://aurora.example/<script>",
        "https://aurora.example/\n",
        " https://aurora.example",
        "HTTPS://aurora.example",
        "https://aurora.example/" + "a" * 500,
    ],
)
def test_a_channel_is_a_plain_https_address(url: str) -> None:
    document = _document()
    _aurora(document)["channels"][0]["url"] = url
    with pytest.raises(DirectoryError, match=r"^d.json: agencies.0.channels.0.url: String should"):
        _parse(document)


def test_a_test_directory_may_hold_both() -> None:
    document = _document() | {"test": True}
    _aurora(document)["test"] = True
    assert _parse(document).document.test


def test_further_defects_are_counted() -> None:
    document = _document() | {"version": 0, "name": ""}
    with pytest.raises(DirectoryError, match=r"\(and 1 more\)$"):
        _parse(document)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'"\\ud800"', b'{"version": 1e999}'],
)
def test_what_is_no_directory_is_refused(data: bytes) -> None:
    with pytest.raises(DirectoryError, match=r"^d.json: "):
        parse_directory(data, where="d.json", source="x")


def test_a_directory_over_the_limit_is_not_read() -> None:
    with pytest.raises(DirectoryError, match="expected 33554432 at most"):
        parse_directory(b" " * (32 * 1024 * 1024 + 1), where="d.json", source="x")


def test_a_directory_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(_document()), "utf-8")
    assert load_directory(path).source == "local, unsigned"
    assert load_directory(str(path)).document.version == 3
    for bad, reason in (
        (tmp_path / "missing.json", "cannot be read: no such file or directory"),
        (tmp_path, "cannot be read: is a directory"),
    ):
        with pytest.raises(DirectoryError) as error:
            load_directory(bad)
        assert str(error.value) == f"{bad}: {reason}"


def test_a_directory_cannot_be_changed() -> None:
    loaded = _parse(_document())
    with pytest.raises(ValueError, match="frozen"):
        loaded.document.test = True  # type: ignore[misc]


def test_a_window_holds_its_first_and_last_moment() -> None:
    second = timedelta(seconds=1)
    both = Key(id="k", spki_sha256=SPKI, not_before=AT, not_after=AT)
    assert both.contains(AT)
    assert not both.contains(AT - second)
    assert not both.contains(AT + second)
    assert Key(id="k", spki_sha256=SPKI).contains(AT)
    assert Key(id="k", spki_sha256=SPKI, not_before=AT).contains(AT + second)
    assert Key(id="k", spki_sha256=SPKI, not_after=AT).contains(AT - second)


def test_a_scope_without_limits_allows_all_and_an_empty_one_nothing() -> None:
    abouts = [About(media_kind=kind) for kind in ("image", "video", "audio", "document")]
    nothing = Scope.model_validate({"media_kinds": []})
    only = Scope.model_validate({"media_kinds": ["image"]})
    assert [Scope().why_outside(about) for about in abouts] == [None] * 4
    assert [nothing.why_outside(about) for about in abouts] == ["media kind"] * 4
    assert [only.why_outside(about) for about in abouts] == [None] + ["media kind"] * 3


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({"spki_sha256": _leaf().spki_sha256}, True),
        ({"spki_sha256": SPKI}, False),
        (
            {
                "serial_number": f"{_leaf().x509.serial_number:x}",
                "issuer_common_name": "Aurora TEST issuing CA",
            },
            True,
        ),
        (
            {
                "serial_number": f"0{_leaf().x509.serial_number:x}",
                "issuer_common_name": "Aurora TEST issuing CA",
            },
            True,
        ),
        (
            {
                "serial_number": f"{_leaf().x509.serial_number:x}",
                "issuer_common_name": "Aurora TEST root",
            },
            False,
        ),
        ({"serial_number": "1", "issuer_common_name": "Aurora TEST issuing CA"}, False),
        # A key that is named is disowned under whatever number.
        (
            {
                "spki_sha256": _leaf().spki_sha256,
                "serial_number": "1",
                "issuer_common_name": "Somebody",
            },
            True,
        ),
    ],
)
def test_which_certificate_is_disowned(fields: dict[str, str], *, matches: bool) -> None:
    assert RevokedCertificate.model_validate(fields).matches(_leaf()) is matches


@pytest.mark.parametrize(
    ("subject", "matches"),
    [
        ({"organization": "Aurora Entertainment"}, True),
        ({"common_name": "Aurora TEST leaf"}, True),
        ({"organization": "Aurora Entertainment", "common_name": "Aurora TEST leaf"}, True),
        ({"organization": "Aurora Entertainment", "common_name": "Other"}, False),
        ({"organization": "aurora entertainment"}, False),
        ({"organization": "Aurora Entertainment "}, False),
        ({"organization": "Aurora"}, False),
    ],
)
def test_a_subject_is_compared_letter_by_letter(subject: dict[str, str], *, matches: bool) -> None:
    document = _document()
    _aurora(document)["anchors"][0]["subject"] = subject
    constraint = _parse(document).document.agencies[0].anchors[0].subject
    assert constraint.matches(_leaf()) is matches


def test_a_member_that_stands_twice_is_refused() -> None:
    document = b'{"schema_version": "1", "name": "A", "version": 1, "version": 2, "agencies": []}'
    with pytest.raises(DirectoryError, match=r"dir\.json: 'version' stands twice in one object"):
        parse_directory(document, where="dir.json", source="test")


def _numbered(version: str) -> bytes:
    return (
        f'{{"schema_version": "1", "name": "A", "version": {version}, '
        '"issued_at": "2026-01-01T00:00:00Z", "agencies": []}'
    ).encode()


@pytest.mark.parametrize("version", ['"1"', "1.0", "true"])
def test_values_are_not_bent_into_shape(version: str) -> None:
    with pytest.raises(DirectoryError, match=r"dir\.json: version: "):
        parse_directory(_numbered(version), where="dir.json", source="test")
    good = parse_directory(_numbered("1"), where="dir.json", source="test")
    assert good.document.version == 1


def test_an_anchor_made_for_trials_is_refused_outside_a_test_directory() -> None:
    document = _document()
    _aurora(document)["anchors"][0]["certificate_pem"] = TRIAL.pem.decode()
    with pytest.raises(DirectoryError, match="anchor root of aurora was made for trials"):
        parse_directory(json.dumps(document).encode(), where="d.json", source="test")
    document["test"] = True
    loaded = parse_directory(json.dumps(document).encode(), where="d.json", source="test")
    assert loaded.document.test
