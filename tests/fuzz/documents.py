"""Fuzz targets for release manifests, directories, lists and the release log."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from cryptography.hazmat.primitives.serialization import Encoding
from tuf.api.metadata import (  # type: ignore[attr-defined]  # not re-exported by name
    Metadata,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from provenance.errors import (
    DirectoryError,
    LimitError,
    MalformedError,
    ReleaseError,
    TrustListError,
)
from provenance.registry.log.bundle import Bundle, read_bundle_file, write_bundle_file
from provenance.registry.log.checkpoint import parse_checkpoint
from provenance.registry.log.errors import LogError, LogProofError
from provenance.registry.log.keys import parse_signer_key, parse_verifier_key
from provenance.registry.log.leaf import (
    embargo,
    make_leaf,
    parse_leaf,
    parse_signed_statement,
    reveal,
    sign_statement,
)
from provenance.registry.log.note import parse_note
from provenance.registry.log.policy import check_checkpoint, parse_policy, policy_of
from provenance.registry.log.proof import (
    check_inclusion,
    parse_consistency_proof,
    parse_inclusion_proof,
)
from provenance.registry.log.prove import make_consistency_proof, make_inclusion_proof
from provenance.registry.log.statement import Statement
from provenance.registry.log.tiles import (
    Tile,
    encode_bundle,
    parse_bundle,
    parse_tile,
    parse_tile_path,
)
from provenance.signing.release import parse_release
from provenance.signing.release_model import Release
from provenance.signing.structured_text import parse_yaml
from provenance.trust.certificates import parse_pem_bundle
from provenance.trust.directory import parse_directory
from provenance.trust.lists import ListPurpose, parse_trust_list
from provenance.trust.signed_directory import parse_metadata, parse_pinned_root
from tests.factory import judging
from tests.factory.release_log import AT, HonestWitness, MemoryLog, note_key, register
from tests.factory.releases import EXAMPLE
from tests.fuzz.seeds import agency_directory
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

_KEY = note_key()


def _release(data: bytes, *, as_json: bool) -> None:
    release = parse_release(data, where="r", json=as_json)
    assert Release.model_validate_json(release.model_dump_json()) == release


def _release_as_json() -> bytes:
    parsed = parse_yaml(EXAMPLE.read_text("utf-8"), where="example")
    return json.dumps(parsed.value, default=str, ensure_ascii=False).encode()


def _trust_list(data: bytes) -> None:
    with suppress(TrustListError):
        parse_pem_bundle(data.decode("utf-8", "replace"), where="list.pem")
    parse_trust_list(data, name="x", purpose=ListPurpose.CLAIM, source="x")


def _entity_list() -> bytes:
    der = judging.house("Fuzz").root.certificate.public_bytes(Encoding.DER)
    service = {
        "ServiceInformation": {
            "ServiceDigitalIdentity": {"X509Certificates": [{"val": b64encode(der).decode()}]},
            "ServiceStatus": "http://c2pa.org/conformance/trust-list/trusted",
            "StatusStartingTime": "2026-01-01T00:00:00Z",
        }
    }
    scheme = {"ListIssueDateTime": "2026-08-05T00:11:39Z"}
    entities = [{"TrustedEntityServices": [service]}]
    document = {"LoTE": {"ListAndSchemeInformation": scheme, "TrustedEntitiesList": entities}}
    return json.dumps(document).encode()


def _tuf(data: bytes) -> None:
    role, body = data[:1], data[1:]
    parse: Callable[..., object] = parse_metadata
    roles = (Root, Timestamp, Snapshot, Targets)
    kind = roles[role[0] % 4] if role else Root
    parse(kind, body, where="x")
    if kind is Root:
        parse_pinned_root(body, where="x")


def _tuf_seeds() -> Iterable[bytes]:
    expires = datetime(2036, 1, 1, tzinfo=UTC)
    yield b"\0" + Metadata(Root(expires=expires)).to_bytes()
    yield b"\1" + Metadata(Timestamp(expires=expires)).to_bytes()
    yield b"\2" + Metadata(Snapshot(expires=expires)).to_bytes()
    yield b"\3" + Metadata(Targets(expires=expires)).to_bytes()


@cache
def _log() -> dict[str, bytes]:
    """Good bytes of every kind of the log."""
    signer = judging.house("Fuzz").signer()
    hidden = register(7)
    salt = bytes(range(32))
    statements: list[Statement] = [
        register(1),
        embargo(hidden, salt, at=AT),
        reveal(hidden, salt, entry=1, at=AT),
    ]
    signed = [sign_statement(statement, signer) for statement in statements]
    records = [
        make_leaf(s, logged_at=AT + timedelta(seconds=n)).record for n, s in enumerate(signed)
    ]
    log = MemoryLog.of(records, _KEY)
    policy = policy_of(_KEY.key)
    record, proof = make_inclusion_proof(log, 0, policy)
    early = MemoryLog.of(records[:2], _KEY).checkpoint
    witness = HonestWitness()
    text = policy.text.replace("quorum none", f"witness w {witness.cosigner.key.text}\nquorum w")
    stream = io.BytesIO()
    bundle = Bundle(entry=record, proof=proof.encoded, policy=text.encode(), manifest=b"manifest")
    write_bundle_file(stream, bundle, io.BytesIO(b"asset"))
    return {
        "note": log.checkpoint,
        "checkpoint": parse_note(log.checkpoint, where="n").text,
        "policy": text.encode(),
        "inclusion": proof.encoded,
        "consistency": make_consistency_proof(log, early, policy).encoded,
        "leaf": record,
        "reveal": records[2],
        "statement": signed[1].encoded,
        "tiles": encode_bundle(records),
        "bundle": stream.getvalue(),
    }


def _note(data: bytes) -> None:
    note = parse_note(data, where="x")
    assert note.encoded == data
    parse_checkpoint(note.text, where="x")
    check_checkpoint(data, policy_of(_KEY.key), where="x")


def _policy(data: bytes) -> None:
    policy = parse_policy(data, where="x")
    assert parse_policy(policy.text.encode("utf-8", "surrogateescape"), where="x") == policy


def _proof(data: bytes) -> None:
    if data[:1] == b"c":
        assert parse_consistency_proof(data[1:], where="x").encoded == data[1:]
        return
    proof = parse_inclusion_proof(data[1:], where="x")
    assert proof.encoded == data[1:]
    check_inclusion(proof, _log()["leaf"], policy_of(_KEY.key), where="x")


def _leaf(data: bytes) -> None:
    kind, body = data[:1], data[1:]
    if kind == b"s":
        assert parse_signed_statement(body, where="x").encoded == body
    else:
        assert parse_leaf(body, where="x").record == body


def _tiles(data: bytes) -> None:
    kind, body = data[:1], data[1:]
    if kind == b"p":
        path = body.decode("utf-8", "surrogateescape")
        assert parse_tile_path(path).path == path
    elif kind == b"t":
        assert b"".join(parse_tile(body, Tile(0, 0, 2), where="x")) == body
    else:
        assert encode_bundle(parse_bundle(body, Tile(-1, 0, 3), where="x")) == body


def _keys(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    if text.startswith("PRIVATE"):
        parse_signer_key(text, where="x")
    else:
        assert parse_verifier_key(text, where="x").text == text


def _bundle(data: bytes) -> None:
    read = read_bundle_file(io.BytesIO(data), where="x")
    stream = io.BytesIO()
    asset = None if read.asset_sha256 is None else io.BytesIO(b"asset")
    write_bundle_file(stream, read.bundle, asset)


_LOG_ERRORS = (MalformedError, LimitError, LogError, LogProofError)

TARGETS = (
    Target(
        name="release-yaml",
        run=partial(_release, as_json=False),
        seeds=lambda: [EXAMPLE.read_bytes()],
        documented=(ReleaseError,),
        tokens=(
            b"*a",
            b"&a ",
            b"!!",
            b"<<: ",
            b"? ",
            b"|\n",
            b"---\n",
            b"%TAG ",
            b"null",
            b"1e999",
        ),
        max_bytes=8 * 1024,
    ),
    Target(
        name="release-json",
        run=partial(_release, as_json=True),
        seeds=lambda: [_release_as_json()],
        documented=(ReleaseError,),
        tokens=(b"NaN", b"1e999", b"\\ud800", b"null", b"true", b"{}", b"[]"),
        max_bytes=8 * 1024,
    ),
    Target(
        name="directory",
        run=partial(parse_directory, where="d", source="test"),
        seeds=lambda: [agency_directory()],
        documented=(DirectoryError,),
        tokens=(b"NaN", b"1e999", b"\\ud800", b"null", b'"keys"', b'"scope"', b'"products"'),
        max_bytes=16 * 1024,
    ),
    Target(
        name="trust-list",
        run=_trust_list,
        seeds=lambda: [judging.house("Fuzz").root.pem, _entity_list()],
        documented=(TrustListError,),
        tokens=(b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"null", b"1e999"),
        max_bytes=16 * 1024,
    ),
    Target(
        name="directory-metadata",
        run=_tuf,
        seeds=_tuf_seeds,
        documented=(DirectoryError,),
        tokens=(b"null", b"1e999", b'"keyids"', b'"threshold"', b'"hashes"', b"\\ud800"),
        max_bytes=8 * 1024,
    ),
    Target(
        name="log-note",
        run=_note,
        seeds=lambda: [_log()["note"]],
        documented=_LOG_ERRORS,
        tokens=("\u2014 ".encode(), b"\n\n"),
        max_bytes=4 * 1024,
    ),
    Target(
        name="log-leaf",
        run=_leaf,
        seeds=lambda: [
            b"l" + _log()["leaf"],
            b"l" + _log()["reveal"],
            b"s" + _log()["statement"],
        ],
        documented=_LOG_ERRORS,
        tokens=(b"1e9", b"-0", b"\\u0000", b'"signature"', b"null", b"\xff"),
        max_bytes=16 * 1024,
    ),
    Target(
        name="log-proof",
        run=_proof,
        seeds=lambda: [b"i" + _log()["inclusion"], b"c" + _log()["consistency"]],
        documented=_LOG_ERRORS,
        tokens=(b"c2sp.org/tlog-proof@v1\n", b"index ", b"\n\n"),
        max_bytes=8 * 1024,
    ),
    Target(
        name="log-tiles",
        run=_tiles,
        seeds=lambda: [b"b" + _log()["tiles"], b"ptile/0/x001/x234/067.p/8", b"t" + bytes(64)],
        documented=_LOG_ERRORS,
        max_bytes=16 * 1024,
    ),
    Target(
        name="log-policy",
        run=_policy,
        seeds=lambda: [_log()["policy"]],
        documented=_LOG_ERRORS,
        tokens=(b"log ", b"witness ", b"group ", b"quorum ", b"none", b"any", b"all"),
        max_bytes=8 * 1024,
    ),
    Target(
        name="log-keys",
        run=_keys,
        seeds=lambda: [_KEY.key.text.encode(), b"PRIVATE+KEY+x+00000000+AAAA"],
        documented=_LOG_ERRORS,
        max_bytes=1024,
    ),
    Target(
        name="log-bundle", run=_bundle, seeds=lambda: [_log()["bundle"]], documented=_LOG_ERRORS
    ),
)
