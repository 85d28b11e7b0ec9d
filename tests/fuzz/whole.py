"""Fuzz targets for `verify` as a whole: always a report, and never official by mutation."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from functools import cache

from provenance.credentials.manifest_store import Claim, parse_manifest_store
from provenance.limits import Limits
from provenance.media.containers import extract_manifest, parse_layout
from provenance.media.containers.zip import manifest_checksums
from provenance.media.formats import FORMATS, Container
from provenance.media.ranges import ByteRange, subtract
from provenance.report import Report
from provenance.trust.directory import parse_directory
from provenance.verdict import IntegrityState, Verdict
from provenance.verification.verifier import Verifier
from tests.factory import judging, media
from tests.fuzz.seeds import (
    SIDECAR_OF,
    agency_directory,
    loose_sidecar,
    other_bindings,
    rich_samples,
    signed_samples,
    small_samples,
)
from tests.fuzz.target import Target

__all__ = ["TARGETS", "check_report", "mutate"]

_LIMITS = Limits(max_segments=5_000)
_OFFICIAL = {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}


@cache
def _verifier() -> Verifier:
    directory = parse_directory(agency_directory(), where="directory", source="made by a test")
    return Verifier(directory=directory, clock=lambda: judging.AT, limits=_LIMITS)


@cache
def _samples() -> Mapping[str, bytes]:
    return {**signed_samples(), **other_bindings()}


def check_report(report: Report, data: bytes) -> None:
    """What holds of every report, and what has to be so where it says official.

    Official means: intact, nothing uncovered; what is left of the file without its
    manifest and its exempt parts is, byte for byte, what is left of a file that the
    agency signed; and the claim is that file's claim.
    """
    assert report.asset.sha256 == hashlib.sha256(data).hexdigest()
    assert Report.model_validate_json(report.model_dump_json()) == report
    if report.verdict not in _OFFICIAL:
        return
    assert report.integrity.state is IntegrityState.INTACT
    assert report.coverage is not None
    assert not report.coverage.uncovered
    content, claim = _content(report, data), _active_claim(report, data)
    assert (content, claim) in _originals(), "official, and nobody signed it"


def _content(report: Report, data: bytes) -> str:
    assert report.asset.format is not None
    media_format = FORMATS[report.asset.format]
    layout = parse_layout(io.BytesIO(data), len(data), media_format, _LIMITS)
    assert report.coverage is not None
    exempt = [ByteRange(p.offset, p.offset + p.size_bytes) for p in report.coverage.exempt]
    left_out = [*layout.manifest, *exempt]
    if media_format.container is Container.ZIP:
        # A checksum of the manifest cannot be in a hash that the manifest holds.
        checksums = manifest_checksums(io.BytesIO(data), len(data), _LIMITS)
        left_out += [ByteRange(at, at + 4) for at in checksums]
    kept = subtract([ByteRange(0, len(data))], left_out)
    return hashlib.sha256(b"".join(data[r.start : r.end] for r in kept)).hexdigest()


def _active_claim(report: Report, data: bytes) -> bytes:
    assert report.asset.format is not None
    stream = io.BytesIO(data)
    layout = parse_layout(stream, len(data), FORMATS[report.asset.format], _LIMITS)
    store = extract_manifest(stream, layout, _LIMITS)
    return _claim(store).data


def _claim(store: bytes) -> Claim:
    return parse_manifest_store(store, _LIMITS).active.claim


@cache
def _originals() -> frozenset[tuple[str, bytes]]:
    found = set()
    for kind, data in _samples().items():
        report = _verifier().verify(data)
        assert report.verdict is Verdict.OFFICIAL, (kind, report.verdict, report.reason)
        found.add((_content(report, data), _active_claim(report, data)))
    return frozenset(found)


def _anything(data: bytes) -> None:
    check_report(_verifier().verify(data), data)


def mutate(data: bytes) -> bytes:
    """The signed sample and the edits that an input spells.

    One byte for the sample; then, edit by edit, how (one byte), where (two bytes, a
    fraction of the file, or of its manifest where the highest bit of `how` is set), how
    many bytes (one byte) and those bytes.
    """
    samples = _samples()
    names = sorted(samples)
    name = names[data[0] % len(names)] if data else names[0]
    sample = samples[name]
    low, high = _store_place(name)
    at = 1
    for _ in range(32):
        if at + 4 > len(data):
            break
        how, where, size = data[at], int.from_bytes(data[at + 1 : at + 3]), data[at + 3]
        new = data[at + 4 : at + 4 + size]
        at += 4 + size
        start, end = (low, min(high, len(sample))) if how & 0x80 else (0, len(sample))
        place = start + (end - start) * where // 65_536
        match how & 3:
            case 0:
                sample = sample[:place] + new + sample[place + len(new) :]
            case 1:
                sample = sample[:place] + new + sample[place:]
            case 2:
                sample = sample[:place] + sample[place + size :]
            case _:
                sample = sample[: place or 1] + (new if how & 4 else b"")
    return sample


@cache
def _store_place(name: str) -> tuple[int, int]:
    data = _samples()[name]
    kind = name.rpartition("-")[2]
    layout = parse_layout(io.BytesIO(data), len(data), FORMATS[kind], _LIMITS)
    return layout.manifest[0].start, layout.manifest[-1].end


def _signed(data: bytes) -> None:
    mutated = mutate(data)
    check_report(_verifier().verify(mutated), mutated)


def _signed_seeds() -> Iterator[bytes]:
    for number in range(len(_samples())):
        yield bytes([number])
        for how in (0x80, 0x00, 0x01, 0x83, 0x03):
            yield bytes([number, how, 0x90, 0, 2]) + b"\xff\0"


def _sidecar(data: bytes) -> None:
    asset = media.make(SIDECAR_OF)
    report = _verifier().verify(asset, sidecar=data)
    assert report.asset.sha256 == hashlib.sha256(asset).hexdigest()
    assert Report.model_validate_json(report.model_dump_json()) == report
    if report.verdict in _OFFICIAL:
        assert _claim(data).data == _claim(loose_sidecar()).data


TARGETS = (
    Target(
        name="verify",
        run=_anything,
        seeds=lambda: [*_samples().values(), *rich_samples().values(), *small_samples().values()],
        documented=(),
    ),
    Target(
        name="verify-signed", run=_signed, seeds=_signed_seeds, documented=(), max_bytes=2 * 1024
    ),
    Target(name="verify-sidecar", run=_sidecar, seeds=lambda: [loose_sidecar()], documented=()),
)
