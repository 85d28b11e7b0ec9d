"""Fragmented video: a beginning without its fragments, fragments that are not its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState, Verdict
from tests.factory import media, surgery
from tests.factory.fragments import sign_fragments
from tests.factory.judging import GOOD, codes

Judge = Callable[..., Report]
Stream = tuple[bytes, tuple[bytes, ...]]
EXEMPT = GOOD | {FindingCode.EXEMPT_PARTS}


@pytest.fixture(scope="module")
def stream(agency_signer: MemorySigner) -> Stream:
    return sign_fragments(*media.fragmented_mp4(), signer=agency_signer)


@pytest.fixture(scope="module")
def foreign(agency_signer: MemorySigner) -> Stream:
    return sign_fragments(*media.fragmented_mp4(2), signer=agency_signer)


def test_twin_the_beginning_with_its_fragments(stream: Stream, judge: Judge) -> None:
    start, fragments = stream
    report = judge(start, fragments=fragments)
    assert report.verdict is Verdict.OFFICIAL, report.findings
    assert codes(report) == EXEMPT
    assert len(report.asset.fragments) == 3
    for fragment in fragments:
        assert judge(start, fragments=[fragment]).verdict is Verdict.OFFICIAL


def test_the_beginning_alone_accuses_nobody(stream: Stream, judge: Judge) -> None:
    report = judge(stream[0])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.FRAGMENTS_MISSING
    assert FindingCode.CONTENT_MISMATCH not in codes(report)


def test_a_fragment_alone(stream: Stream, judge: Judge) -> None:
    # The box with its place in the tree stands first; a player's fragment begins with moof.
    at = stream[1][0].index(b"moof") - 4
    report = judge(stream[1][0][at:])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.FRAGMENT_ALONE
    assert judge(stream[1][0]).verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_changed_fragment_among_good_ones(place: int, stream: Stream, judge: Judge) -> None:
    start, fragments = stream
    spoiled = list(fragments)
    spoiled[place] = surgery.flip_bit(spoiled[place], -9)
    report = judge(start, fragments=spoiled)
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH


def test_a_fragment_of_another_video(stream: Stream, foreign: Stream, judge: Judge) -> None:
    report = judge(stream[0], fragments=[*stream[1], foreign[1][0]])
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH


def test_a_changed_beginning(stream: Stream, judge: Judge) -> None:
    start, fragments = stream
    at = start.index(b"mvhd") + 20
    report = judge(surgery.flip_bit(start, at), fragments=fragments)
    assert report.verdict is Verdict.ALTERED
    assert report.reason is FindingCode.CONTENT_MISMATCH


def test_all_of_it_joined_into_one_file_accuses_nobody(stream: Stream, judge: Judge) -> None:
    # What any download of the whole presentation looks like.
    report = judge(stream[0] + b"".join(stream[1]))
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.FRAGMENTS_MISSING
    assert FindingCode.CONTENT_MISMATCH not in codes(report)


@pytest.mark.parametrize("box", [b"free", b"skip"])
def test_content_in_free_space_of_a_fragment(box: bytes, stream: Stream, judge: Judge) -> None:
    start, fragments = stream
    small = surgery.append_box(fragments[0], box, bytes(1000))
    assert judge(start, fragments=[small]).verdict is Verdict.OFFICIAL

    large = surgery.append_box(fragments[0], box, media.jpeg(2) * 200)
    report = judge(start, fragments=[large])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.integrity.state is IntegrityState.PARTIAL
    assert report.reason is FindingCode.PARTLY_COVERED


def test_content_in_the_box_that_gives_a_fragment_its_place(stream: Stream, judge: Judge) -> None:
    start, fragments = stream
    hidden = surgery.append_box(
        fragments[0],
        b"uuid",
        bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(4) + b"secret\0" + b"x" * 9000,
    )
    report = judge(start, fragments=[hidden])
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.PARTLY_COVERED
    assert [part.label for part in report.coverage.uncovered] == ["fragment 1: uuid"]
