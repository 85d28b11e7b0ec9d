from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, MetaFile  # type: ignore[attr-defined]

from provenance.errors import DirectoryError
from provenance.signing.repository_files import RepositoryFiles
from provenance.trust.directory import LoadedDirectory
from provenance.trust.signed_directory import (
    DirectoryCopy,
    load_signed_directory,
    parse_pinned_root,
)
from tests.factory.keepers import Keepers, forge


@pytest.fixture(scope="module")
def keepers(tmp_path_factory: pytest.TempPathFactory) -> Keepers:
    """Version 1 without any agency."""
    made = Keepers(tmp_path_factory.mktemp("keepers") / "work")
    made.publish()
    return made


def copy_of(repository: Path) -> DirectoryCopy:
    files = RepositoryFiles(repository)
    roots = files.roots()
    assert roots is not None
    copy = files.copy(roots)
    assert copy is not None
    return copy


def load(keepers: Keepers, copy: DirectoryCopy) -> LoadedDirectory:
    return load_signed_directory(copy, pinned_root=keepers.root, where="copy")


def test_what_was_signed_is_loaded_with_its_end(keepers: Keepers) -> None:
    loaded = load(keepers, copy_of(keepers.repository))
    assert loaded.source == "TUF, version 1"
    assert loaded.fresh_until == keepers.at + timedelta(days=14)
    assert loaded.document.expires_at == keepers.at + timedelta(days=90)
    assert loaded.expires_at == loaded.fresh_until


def test_another_pinned_root_accepts_nothing(keepers: Keepers, tmp_path: Path) -> None:
    other = Keepers(tmp_path / "other")
    with pytest.raises(DirectoryError, match="copy: timestamp: timestamp was signed by 0/1 keys"):
        load(other, copy_of(keepers.repository))


def test_a_root_that_its_own_keys_did_not_sign_cannot_be_pinned(keepers: Keepers) -> None:
    root: Any = Metadata.from_bytes(keepers.root)
    del root.signatures[next(iter(root.signatures))]
    with pytest.raises(DirectoryError, match="pinned: root was signed by 1/2 keys"):
        parse_pinned_root(root.to_bytes(), where="pinned")


def test_a_copy_pieced_together_from_two_versions_is_refused(
    keepers: Keepers, tmp_path: Path
) -> None:
    keys = keepers.keys("targets", "snapshot", "timestamp")
    old = copy_of(keepers.repository)
    new = copy_of(forge(keepers.repository, tmp_path / "f", keys=keys))
    assert load(keepers, new).document.version == 2
    for part in ("timestamp", "snapshot", "targets", "directory"):
        with pytest.raises(DirectoryError, match="is not what was signed"):
            load(keepers, replace(new, **{part: getattr(old, part)}))


def test_an_old_document_signed_under_a_new_number_is_refused(
    keepers: Keepers, tmp_path: Path
) -> None:
    copy = copy_of(keepers.repository)
    keys = keepers.keys("targets", "snapshot", "timestamp")
    newer = forge(keepers.repository, tmp_path / "f", keys=keys)
    targets: Any = Metadata.from_bytes((newer / "metadata/2.targets.json").read_bytes())
    first: Any = Metadata.from_bytes(copy.targets)
    targets.signed.targets = first.signed.targets
    signed = resigned(keepers, copy_of(newer), targets)
    with pytest.raises(DirectoryError, match=r"directory\.json: expected version 2, got 1"):
        load(keepers, replace(signed, directory=copy.directory))


def resigned(keepers: Keepers, copy: DirectoryCopy, targets: Any) -> DirectoryCopy:
    """The copy with other targets, and every digest and signature made to fit."""

    def sign(metadata: Any, role: str) -> bytes:
        metadata.signatures.clear()
        for key in keepers.keys(role):
            metadata.sign(key, append=True)
        return bytes(metadata.to_bytes())

    data = sign(targets, "targets")
    snapshot: Any = Metadata.from_bytes(copy.snapshot)
    snapshot.signed.meta["targets.json"] = MetaFile.from_data(
        targets.signed.version, data, ["sha256"]
    )
    middle = sign(snapshot, "snapshot")
    timestamp: Any = Metadata.from_bytes(copy.timestamp)
    timestamp.signed.snapshot_meta = MetaFile.from_data(snapshot.signed.version, middle, ["sha256"])
    return replace(copy, targets=data, snapshot=middle, timestamp=sign(timestamp, "timestamp"))


@pytest.mark.parametrize("missing", ["hashes", "length"])
def test_a_part_without_a_signed_digest_is_refused(keepers: Keepers, missing: str) -> None:
    copy = copy_of(keepers.repository)
    timestamp: Any = Metadata.from_bytes(copy.timestamp)
    setattr(timestamp.signed.snapshot_meta, missing, None)
    timestamp.sign(keepers.keys("timestamp")[0])
    with pytest.raises(DirectoryError, match="copy: snapshot: expected its length and digest"):
        load(keepers, replace(copy, timestamp=timestamp.to_bytes()))


def test_targets_without_a_directory_are_refused(keepers: Keepers) -> None:
    copy = copy_of(keepers.repository)
    targets: Any = Metadata.from_bytes(copy.targets)
    targets.signed.targets.clear()
    with pytest.raises(DirectoryError, match=r"targets: expected an entry for directory\.json"):
        load(keepers, resigned(keepers, copy, targets))


def swap_type(data: bytes) -> bytes:
    document = json.loads(data)
    document["signed"]["_type"] = "snapshot"
    document["signed"]["meta"] = {}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda _: b"", "expected timestamp metadata in JSON"),
        (lambda _: b"[" * 100_000, "expected timestamp metadata in JSON"),
        (swap_type, "expected timestamp metadata, got snapshot"),
    ],
)
def test_something_else_than_metadata_is_refused(
    keepers: Keepers, spoil: Callable[[bytes], bytes], words: str
) -> None:
    copy = copy_of(keepers.repository)
    with pytest.raises(DirectoryError, match=words):
        load(keepers, replace(copy, timestamp=spoil(copy.timestamp)))


def test_a_root_that_skips_a_version_is_refused(keepers: Keepers) -> None:
    root: Any = Metadata.from_bytes(keepers.root)
    root.signed.version = 3
    root.signatures.clear()
    for key in keepers.keys("root"):
        root.sign(key, append=True)
    copy = replace(copy_of(keepers.repository), roots=(root.to_bytes(),))
    with pytest.raises(DirectoryError, match="root 2: expected version 2, got 3"):
        load(keepers, copy)
