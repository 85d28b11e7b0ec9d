from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from provenance.errors import DirectoryError
from provenance.runtime.directory_at import load_directory_at
from provenance.runtime.directory_client import (
    is_directory_client,
    load_cached_directory,
    set_up_directory_client,
    update_directory,
)
from provenance.trust.directory_files import locked
from tests.factory.keepers import Keepers


@pytest.fixture(scope="module")
def keepers(tmp_path_factory: pytest.TempPathFactory) -> Keepers:
    """Version 1 without any agency."""
    made = Keepers(tmp_path_factory.mktemp("keepers") / "work")
    made.publish()
    return made


@pytest.fixture
def client(tmp_path: Path, keepers: Keepers) -> Path:
    """A client that has version 1 from the folder."""
    folder = keepers.client(tmp_path / "client")
    update_directory(folder)
    return folder


def test_a_copy_is_used_without_its_source(client: Path, keepers: Keepers, tmp_path: Path) -> None:
    settings = client / "client.json"
    settings.write_text(settings.read_text("utf-8").replace(keepers.folder.path.name, "gone"))
    with pytest.raises(DirectoryError, match=r"cannot be fetched: .*no such file"):
        update_directory(client)
    loaded = load_directory_at(client)
    assert (loaded.source, loaded.document.name) == ("TUF, version 1", "Trial directory")
    plain = tmp_path / "plain.json"
    plain.write_text(loaded.document.model_dump_json(), "utf-8")
    assert load_directory_at(plain).source == "local, unsigned"
    assert load_directory_at(plain).fresh_until is None


def test_a_client_without_a_directory_yet_says_how_to_get_it(
    tmp_path: Path, keepers: Keepers
) -> None:
    folder = keepers.client(tmp_path / "client")
    assert is_directory_client(folder)
    with pytest.raises(DirectoryError, match="holds no directory yet; get it with"):
        load_cached_directory(folder)


def test_another_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert not is_directory_client(tmp_path)
    for ask in (load_cached_directory, update_directory):
        with pytest.raises(DirectoryError, match="expected a folder made by"):
            ask(tmp_path)


def test_a_client_is_set_up_once_and_with_a_root(
    tmp_path: Path, client: Path, keepers: Keepers
) -> None:
    with pytest.raises(DirectoryError, match="expected a new or empty folder"):
        keepers.client(client)
    with pytest.raises(DirectoryError, match="trusted root: expected root metadata"):
        set_up_directory_client(tmp_path / "c", source="https://a.example", root=b"{}")
    assert not (tmp_path / "c").exists()


def test_a_set_up_that_was_interrupted_can_be_made_again(tmp_path: Path, keepers: Keepers) -> None:
    folder = keepers.client(tmp_path / "client")
    (folder / "client.json").unlink()
    keepers.client(folder)
    assert update_directory(folder).before is None


def test_what_a_crash_left_is_cleared(client: Path) -> None:
    (client / ".new" / "half").mkdir(parents=True)
    update_directory(client)
    assert list((client / ".new").iterdir()) == []


def test_two_updates_at_once_do_not_get_in_each_others_way(client: Path) -> None:
    with (
        locked(client / ".lock"),
        pytest.raises(DirectoryError, match="another process is changing it"),
    ):
        update_directory(client)


@pytest.mark.parametrize("name", ["client.json", "trusted-root.json", "copy.json"])
@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a": 1}'])
def test_a_spoilt_file_is_named(client: Path, name: str, data: bytes) -> None:
    (client / name).write_bytes(data)
    with pytest.raises(DirectoryError) as raised:
        load_cached_directory(client)
    assert (name if name != "trusted-root.json" else "trusted root") in str(raised.value)
    with pytest.raises(DirectoryError):
        update_directory(client)


def test_a_pipe_in_the_place_of_a_file_hangs_nobody(client: Path) -> None:
    (client / "copy.json").unlink()
    os.mkfifo(client / "copy.json")
    with pytest.raises(DirectoryError, match="expected a plain file"):
        load_cached_directory(client)


def test_a_changed_copy_is_refused_when_it_is_loaded(client: Path) -> None:
    path = client / "copy.json"
    document = json.loads(path.read_bytes())
    document["directory"] = document["directory"].replace("Trial", "Other")
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(DirectoryError, match=r"copy\.json: directory\.json: is not what was sign"):
        load_cached_directory(client)


def test_another_source_with_another_root_is_refused(
    client: Path, keepers: Keepers, tmp_path: Path
) -> None:
    other = Keepers(tmp_path / "other")
    other.publish()
    path = client / "client.json"
    data = path.read_text("utf-8").replace(str(keepers.repository), str(other.repository))
    path.write_text(data, "utf-8")
    with pytest.raises(DirectoryError, match="update refused: timestamp was signed by 0/1 keys"):
        update_directory(client)
    assert load_cached_directory(client).document.version == 1


def test_a_repository_can_be_mirrored(tmp_path: Path, keepers: Keepers) -> None:
    mirror = shutil.copytree(keepers.repository, tmp_path / "mirror with a space")
    folder = keepers.client(tmp_path / "client", str(mirror))
    assert update_directory(folder).directory.document.version == 1
