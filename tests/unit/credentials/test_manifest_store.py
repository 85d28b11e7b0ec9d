from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable

import cbor2
import pytest

from provenance.credentials.manifest_store import (
    HashedUri,
    ManifestStore,
    base_label,
    parse_manifest_store,
)
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media
from tests.factory.sign import ingredient, sign, store_of
from tests.factory.stores import Box, Store, parse_store

JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def plain(signed_jpeg: bytes) -> bytes:
    """The store of a picture with one manifest."""
    return store_of(signed_jpeg, JPEG)


@pytest.fixture(scope="module")
def made_from(signed_jpeg: bytes, agency_signer: MemorySigner) -> bytes:
    """The store of a picture made from another signed one: two manifests."""
    asset = sign(
        media.jpeg(2),
        JPEG,
        signer=agency_signer,
        ingredients=[ingredient(signed_jpeg, JPEG)],
    )
    return store_of(asset, JPEG)


def _edited(data: bytes, edit: Callable[[Store], object]) -> ManifestStore:
    store = parse_store(data)
    edit(store)
    return parse_manifest_store(store.to_bytes())


def test_a_store_is_what_the_factory_signed(plain: bytes) -> None:
    store = parse_manifest_store(plain + b"padding")
    factory = parse_store(plain)
    active = store.active

    assert store.data == plain
    assert list(store.manifests) == [factory.label]
    assert not store.unreadable
    assert (active.label, active.kind) == (factory.label, "standard")
    assert active.claim.version == 2
    assert active.claim.fields == factory.claim
    assert active.claim.title == "stage lights"
    assert active.claim.generator == "Aurora TEST Press Room 1.0"
    assert active.claim.algorithm == "sha256"
    assert [a.label for a in active.hard_bindings] == ["c2pa.hash.data"]
    (actions,) = active.of_type("c2pa.actions.v2")
    assert actions.created
    assert actions.decode() == factory.assertion("c2pa.actions.v2")
    assert active.missing_assertions() == ()
    assert active.changed_assertions() == ()
    assert active.signature == factory.manifest.child("c2pa.signature").children[1].payload


def test_a_claim_of_version_one_makes_no_difference_between_assertions(
    agency_signer: MemorySigner,
) -> None:
    asset = sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=1)
    active = parse_manifest_store(store_of(asset, JPEG)).active
    assert active.claim.version == 1
    assert active.claim.gathered == ()
    assert {a.created for a in active.assertions.values()} == {True}


def test_a_changed_assertion_is_named(plain: bytes) -> None:
    def edit(store: Store) -> None:
        store.set_assertion("c2pa.actions.v2", {"actions": []})

    active = _edited(plain, edit).active
    assert active.changed_assertions() == ("c2pa.actions.v2",)
    assert active.missing_assertions() == ()


def test_a_missing_assertion_is_named(plain: bytes) -> None:
    def edit(store: Store) -> None:
        store.assertions.children.remove(store.assertions.child("c2pa.actions.v2"))

    active = _edited(plain, edit).active
    assert active.missing_assertions() == ("c2pa.actions.v2",)
    assert active.changed_assertions() == ()


def test_an_assertion_that_the_claim_does_not_list_is_not_referenced(plain: bytes) -> None:
    def add(store: Store) -> None:
        extra = copy.deepcopy(store.assertions.child("c2pa.actions.v2"))
        _relabel(extra, b"c2pa.actions.v2__1")
        store.assertions.children.append(extra)

    active = _edited(plain, add).active
    assert not active.assertions["c2pa.actions.v2__1"].referenced
    assert len(active.of_type("c2pa.actions.v2")) == 1


def test_two_assertions_under_one_label_are_refused(plain: bytes) -> None:
    def add(store: Store, label: bytes) -> None:
        extra = copy.deepcopy(store.assertions.child("c2pa.actions.v2"))
        _relabel(extra, label)
        store.assertions.children.append(extra)

    _edited(plain, lambda store: add(store, b"c2pa.actions.v2__1"))
    with pytest.raises(MalformedError, match=r"more than one assertion c2pa\.actions\.v2"):
        _edited(plain, lambda store: add(store, b"c2pa.actions.v2"))


def test_a_second_assertion_store_cannot_hide_a_second_assertion(plain: bytes) -> None:
    def add(store: Store) -> None:
        store.manifest.children.append(copy.deepcopy(store.assertions))

    with pytest.raises(MalformedError, match="more than one assertion"):
        _edited(plain, add)


def test_two_manifests_under_one_label_are_refused(plain: bytes) -> None:
    def add(store: Store, label: bytes) -> None:
        extra = copy.deepcopy(store.manifest)
        _relabel(extra, label)
        store.root.children.insert(1, extra)

    assert list(_edited(plain, lambda store: add(store, b"urn:c2pa:other")).manifests) == [
        "urn:c2pa:other",
        parse_store(plain).label,
    ]
    with pytest.raises(MalformedError, match="more than one manifest under one label"):
        _edited(plain, lambda store: add(store, store.label.encode()))


def _spoil_claim(manifest: Box) -> None:
    claim = next(b for b in manifest.children[1:] if b.label.startswith("c2pa.claim"))
    claim.children[1].payload = b"\xff"


def test_what_an_ingredients_manifest_is_worth_does_not_decide_about_the_active_one(
    made_from: bytes,
) -> None:
    good = parse_manifest_store(made_from)
    first, last = good.manifests
    assert good.active.label == last
    assert not good.unreadable

    spoilt = _edited(made_from, lambda store: _spoil_claim(store.root.children[1]))
    assert list(spoilt.manifests) == [last]
    assert list(spoilt.unreadable) == [first]
    assert spoilt.unreadable[first].startswith(f"claim of {first}: expected CBOR")

    with pytest.raises(MalformedError, match=f"claim of {last}: expected CBOR"):
        _edited(made_from, lambda store: _spoil_claim(store.manifest))


def _second(store: Store, box: Box) -> None:
    store.manifest.children.append(copy.deepcopy(box))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda s: _second(s, s.claim_box), "expected one claim, got 2"),
        (lambda s: s.manifest.children.remove(s.claim_box), "expected one claim, got 0"),
        (lambda s: _second(s, s.manifest.child("c2pa.signature")), "expected one signature"),
        (lambda s: s.claim_box.children.pop(), "its claim holds no CBOR"),
        (lambda s: _set_claim(s, b"\x80"), "expected a map, got list"),
        (lambda s: _set_claim(s, b"\xa2\x61a\x00\x61a\x01"), "Duplicate map key: 'a'"),
        (lambda s: _set_kind(s.manifest, b"c2xx"), "expected a standard or update manifest"),
        (lambda s: _set_kind(s.root, b"c2xx"), "expected content type c2pa, got b'c2xx'"),
        (lambda s: s.root.children.pop(), "it holds no manifest"),
    ],
)
def test_a_store_that_breaks_a_rule_is_refused(
    edit: Callable[[Store], object], reason: str, plain: bytes
) -> None:
    parse_manifest_store(plain)
    with pytest.raises(MalformedError, match=reason):
        _edited(plain, edit)


def test_a_manifest_may_lack_its_signature(plain: bytes) -> None:
    def drop(store: Store) -> None:
        store.manifest.children.remove(store.manifest.child("c2pa.signature"))

    assert _edited(plain, drop).active.signature is None


def test_limits_are_kept(plain: bytes) -> None:
    with pytest.raises(LimitError, match="max_manifest_store_bytes"):
        parse_manifest_store(plain, Limits(max_manifest_store_bytes=100))
    with pytest.raises(LimitError, match="max_cbor_items"):
        parse_manifest_store(plain, Limits(max_cbor_items=3))


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_digest_is_compared_by_the_algorithm_it_names(algorithm: str, plain: bytes) -> None:
    assertion = parse_manifest_store(plain).active.assertions["c2pa.hash.data"]
    digest = hashlib.new(algorithm, assertion.box.payload).digest()
    wrong = digest[:-1] + bytes([digest[-1] ^ 1])

    assert assertion.has_digest(HashedUri("x", digest, algorithm), "md5")
    assert assertion.has_digest(HashedUri("x", digest, None), algorithm)
    assert not assertion.has_digest(HashedUri("x", wrong, algorithm), "md5")
    assert not assertion.has_digest(HashedUri("x", digest, "sha1"), algorithm)
    assert not assertion.has_digest(HashedUri("x", digest, None), "unknown")


def test_a_manifest_has_the_digest_of_its_own_bytes(plain: bytes) -> None:
    active = parse_manifest_store(plain).active
    digest = hashlib.sha256(active.box.payload).digest()
    assert active.has_digest(HashedUri("x", digest, None), "sha256")
    assert active.has_digest(HashedUri("x", digest, "sha256"), "sha512")
    assert not active.has_digest(HashedUri("x", digest, None), "sha512")
    assert not active.has_digest(HashedUri("x", bytes(32), None), "sha256")
    assert not active.has_digest(HashedUri("x", digest, "sha1"), "sha256")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1}', ""),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b'{"a": 1', "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b"\xff\xfe\xfd", "expected JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "expected JSON"),
    ],
)
def test_a_json_assertion_is_json(content: bytes, reason: str, plain: bytes) -> None:
    def edit(store: Store) -> None:
        box = store.assertions.child("c2pa.actions.v2").children[1]
        box.kind, box.payload = b"json", content

    assertion = _edited(plain, edit).active.assertions["c2pa.actions.v2"]
    if not reason:
        assert assertion.decode() == assertion.decode_map() == {"a": 1}
        return
    with pytest.raises(MalformedError, match=f"^c2pa.actions.v2: .*{reason}"):
        assertion.decode()
    assert assertion.decode_map() == {}


@pytest.mark.parametrize(
    ("kind", "content", "value"),
    [
        (b"cbor", cbor2.dumps({"a": 1, 2: 3}), {"a": 1}),
        (b"cbor", cbor2.dumps([1]), {}),
        (b"cbor", b"\xa1\x61a", {}),
        (b"bidb", b"a", {}),
    ],
)
def test_anything_but_a_map_says_nothing(
    kind: bytes, content: bytes, value: object, plain: bytes
) -> None:
    def edit(store: Store) -> None:
        box = store.assertions.child("c2pa.actions.v2").children[1]
        box.kind, box.payload = kind, content

    assert _edited(plain, edit).active.assertions["c2pa.actions.v2"].decode_map() == value


def test_more_values_than_are_read_say_nothing(plain: bytes) -> None:
    def edit(store: Store) -> None:
        box = store.assertions.child("c2pa.actions.v2").children[1]
        box.kind, box.payload = b"cbor", cbor2.dumps({"a": [0] * 500})

    assertion = _edited(plain, edit).active.assertions["c2pa.actions.v2"]
    assert assertion.decode_map(Limits(max_cbor_items=400)) == {}
    assert assertion.decode_map(Limits(max_cbor_items=600)) == {"a": [0] * 500}


@pytest.mark.parametrize(
    ("url", "label", "manifest"),
    [
        ("self#jumbf=c2pa.assertions/c2pa.hash.data", "c2pa.hash.data", None),
        ("self#jumbf=/c2pa/urn:c2pa:1/c2pa.assertions/x__1", "x__1", "urn:c2pa:1"),
        ("self#jumbf=/c2pa/urn:c2pa:1", "urn:c2pa:1", "urn:c2pa:1"),
        ("", "", None),
    ],
)
def test_a_reference_names_its_box(url: str, label: str, manifest: str | None) -> None:
    reference = HashedUri(url, b"", None)
    assert (reference.label, reference.manifest_label) == (label, manifest)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"url": "u", "hash": b"h", "alg": "sha384"}, HashedUri("u", b"h", "sha384")),
        ({"url": "u", "hash": b"h", "alg": 1}, HashedUri("u", b"h", None)),
        ({"url": "u", "hash": "h"}, None),
        ({"url": 1, "hash": b"h"}, None),
        ("u", None),
        (None, None),
    ],
)
def test_a_reference_is_read_or_is_none(value: object, read: HashedUri | None) -> None:
    assert HashedUri.of(value) == read


def test_an_instance_number_is_no_part_of_the_type() -> None:
    assert base_label("c2pa.ingredient.v3__2") == "c2pa.ingredient.v3"
    assert base_label("c2pa.ingredient.v3") == "c2pa.ingredient.v3"


def _relabel(box: Box, label: bytes) -> None:
    description = box.children[0]
    description.payload = description.payload[:17] + label + b"\0"


def _set_kind(box: Box, kind: bytes) -> None:
    description = box.children[0]
    description.payload = kind + description.payload[4:]


def _set_claim(store: Store, content: bytes) -> None:
    store.claim_box.children[1].payload = content
