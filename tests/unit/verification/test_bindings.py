from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from provenance.credentials.manifest_store import Assertion
from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.bmff_exclusions import DataMatch
from provenance.media.layout import Layout
from provenance.media.ranges import ByteRange
from provenance.verification.bindings import (
    BmffHash,
    BoxesHash,
    CollectionHash,
    DataHash,
    HardBinding,
    parse_hard_binding,
    recompute,
    unknown_algorithm,
)

LIMITS = Limits()


@pytest.fixture
def parse(makes: Any) -> Any:
    """The binding that an assertion of this label states."""

    def call(label: str, said: Any) -> HardBinding:
        manifest = makes.manifest("active", hard_bindings=0, assertions={label: said})
        assertion: Assertion = manifest.assertions[label]
        return parse_hard_binding(assertion, LIMITS)

    return call


def test_a_data_hash(parse: Any) -> None:
    said = {"hash": b"h", "alg": "sha512", "exclusions": [{"start": 2, "length": 3}]}
    assert parse("c2pa.hash.data", said) == DataHash(
        "c2pa.hash.data", "sha512", b"h", (ByteRange(2, 5),)
    )
    assert parse("c2pa.hash.data__1", {"hash": b"h"}).exclusions == ()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"hash": "text"},
        {"hash": b"h", "exclusions": 7},
        {"hash": b"h", "exclusions": [7]},
        {"hash": b"h", "exclusions": [{"start": -1, "length": 3}]},
        {"hash": b"h", "exclusions": [{"start": 1}]},
        {"hash": b"h", "exclusions": [{"start": True, "length": 3}]},
        {"hash": b"h", "exclusions": [{"start": 1, "length": 2**63}]},
        {"hash": b"h", "exclusions": [{"start": 1.5, "length": 3}]},
        [1],
        7,
    ],
)
def test_a_data_hash_that_is_none(said: Any, parse: Any) -> None:
    with pytest.raises(MalformedError):
        parse("c2pa.hash.data", said)


def test_a_boxes_hash(parse: Any) -> None:
    said = {"boxes": [{"names": ["SOI", "APP0"]}, {"names": ["C2PA"], "excluded": True}]}
    assert parse("c2pa.hash.boxes", said) == BoxesHash(
        "c2pa.hash.boxes", ("SOI", "APP0", "C2PA"), ("C2PA",)
    )


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"boxes": []},
        {"boxes": [{"names": [7]}]},
        {"boxes": [{"names": 7}]},
        {"boxes": [{"names": True}]},
        {"boxes": [{"names": "SOI"}]},
        {"boxes": [7]},
    ],
)
def test_a_boxes_hash_that_is_none(said: Any, parse: Any) -> None:
    with pytest.raises(MalformedError):
        parse("c2pa.hash.boxes", said)


@pytest.mark.parametrize(
    ("label", "version"),
    [("c2pa.hash.bmff", 1), ("c2pa.hash.bmff.v2", 2), ("c2pa.hash.bmff.v3", 3)],
)
def test_a_bmff_hash(label: str, version: int, parse: Any) -> None:
    said = {
        "hash": b"h",
        "exclusions": [{"xpath": "/free", "subset": [{"offset": 8, "length": 0}]}],
    }
    binding = parse(label, said)
    assert isinstance(binding, BmffHash)
    assert (binding.version, binding.digest, binding.has_merkle) == (version, b"h", False)
    assert binding.exclusions[0].xpath == "/free"


def test_a_bmff_hash_over_fragments(parse: Any) -> None:
    binding = parse("c2pa.hash.bmff.v3", {"merkle": [{"count": 1}], "hash": b""})
    assert binding.has_merkle
    assert binding.digest is None


@pytest.mark.parametrize(
    "exclusion",
    [
        {},
        {"xpath": 7},
        {"xpath": "/free", "length": -1},
        {"xpath": "/free", "data": [{"offset": "x"}]},
        {"xpath": "/free", "data": [{"offset": 8, "value": 2**40}]},
        {"xpath": "/free", "data": [{"offset": 8, "value": "text"}]},
        {"xpath": "/free", "data": [{"offset": 8, "value": [256]}]},
        {"xpath": "/free", "subset": [{"offset": 1}]},
    ],
)
def test_an_exclusion_that_is_none(exclusion: Any, parse: Any) -> None:
    with pytest.raises(MalformedError):
        parse("c2pa.hash.bmff.v3", {"hash": b"h", "exclusions": [exclusion]})


@pytest.mark.parametrize("value", [b"ab", [97, 98]])
def test_an_exclusion_by_the_bytes_that_a_box_holds(value: object, parse: Any) -> None:
    exclusion = {"xpath": "/free", "data": [{"offset": 8, "value": value}]}
    binding = parse("c2pa.hash.bmff.v3", {"hash": b"h", "exclusions": [exclusion]})
    assert binding.exclusions[0].data == (DataMatch(8, b"ab"),)


@pytest.mark.parametrize(
    "uris",
    [[{"uri": "a", "hash": b"h"}, {"uri": "b"}], {"a": {"hash": b"h"}, "b": {"hash": b"h"}}],
    ids=["as the specification has it", "as the engine writes it"],
)
def test_a_collection_hash(uris: Any, parse: Any) -> None:
    said = {"uris": uris, "zip_central_directory_hash": b"h"}
    assert parse("c2pa.hash.collection.data", said) == CollectionHash(
        "c2pa.hash.collection.data", ("a", "b"), has_directory=True
    )


@pytest.mark.parametrize("uris", [None, [], {}, 7, "a", [7], [{"uri": 7}], {7: {}}])
def test_a_collection_hash_that_is_none(uris: Any, parse: Any) -> None:
    with pytest.raises(MalformedError):
        parse("c2pa.hash.collection.data", {"uris": uris})


@pytest.mark.parametrize("label", ["c2pa.hash.multi-asset", "c2pa.hash.new", "example.hash"])
def test_a_binding_of_a_kind_that_is_not_read(label: str, parse: Any) -> None:
    with pytest.raises(MalformedError, match="of a kind that is not read here"):
        parse(label, {"hash": b"h"})


def _layout(size: int) -> Layout:
    return Layout(size_bytes=size, segments=(), media_end=size)


@pytest.mark.parametrize(
    ("algorithm", "default"), [("sha256", "sha512"), (None, "sha384"), ("sha512", "sha256")]
)
def test_a_data_hash_recomputed(algorithm: str | None, default: str) -> None:
    data = b"abcdefgh"
    digest = hashlib.new(algorithm or default, b"abgh").digest()
    binding = DataHash("c2pa.hash.data", algorithm, digest, (ByteRange(2, 6),))
    assert recompute(binding, io.BytesIO(data), _layout(8), default) is True
    assert recompute(binding, io.BytesIO(b"abcdefgX"), _layout(8), default) is False
    assert recompute(binding, io.BytesIO(b"abXXXXgh"), _layout(8), default) is True


def test_kinds_and_algorithms_that_give_no_second_opinion() -> None:
    weak = DataHash("c2pa.hash.data", "sha1", b"", ())
    boxes = BoxesHash("c2pa.hash.boxes", ("SOI",), ())
    merkle = BmffHash("c2pa.hash.bmff.v3", 3, None, None, has_merkle=True, exclusions=())
    for binding in (weak, boxes, merkle):
        assert recompute(binding, io.BytesIO(b"a"), _layout(1), "sha256") is None


def test_which_algorithms_nobody_here_computes() -> None:
    assert unknown_algorithm(DataHash("c2pa.hash.data", "sha1", b"", ()), "sha256") == "sha1"
    assert unknown_algorithm(DataHash("c2pa.hash.data", None, b"", ()), "md5") == "md5"
    assert unknown_algorithm(DataHash("c2pa.hash.data", "sha384", b"", ()), "md5") is None
    boxes = BoxesHash("c2pa.hash.boxes", ("SOI",), (), frozenset({"sha256", "sha3-256"}))
    assert unknown_algorithm(boxes, "sha256") == "sha3-256"
    assert unknown_algorithm(BoxesHash("c2pa.hash.boxes", ("SOI",), ()), "sha256") is None
    assert unknown_algorithm(BoxesHash("c2pa.hash.boxes", ("SOI",), ()), "md5") == "md5"
