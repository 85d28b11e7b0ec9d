"""Whatever becomes of the files of a keeper or a client, the error names the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import DirectoryError
from provenance.runtime.directory_client import load_cached_directory, update_directory
from provenance.signing.directory_folder import WorkingFolder
from provenance.signing.directory_roots import load_proposal
from provenance.signing.repository_files import RepositoryFiles
from provenance.trust.directory import LoadedDirectory
from tests.factory.keepers import Keepers

FEW = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A keeper's folder and a client's."""
    folder = tmp_path_factory.mktemp("files")
    keepers = Keepers(folder / "work")
    keepers.publish()
    client = keepers.client(folder / "client")
    update_directory(client)
    proposal = Keepers(folder / "begun", sign_root=False)
    shutil.copy(proposal.folder.proposal, folder / "work" / "proposed-root.json")
    return folder / "work", client


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """The bytes cut, with some of them replaced, or other bytes altogether."""
    match draw(st.sampled_from(["cut", "replaced", "swapped", "other"])):
        case "cut":
            return good[: draw(st.integers(0, max(0, len(good) - 2)))]
        case "replaced":
            at = draw(st.integers(0, len(good) - 1))
            return good[:at] + draw(st.binary(max_size=8)) + good[at + draw(st.integers(1, 8)) :]
        case "swapped":
            digits = [i for i, byte in enumerate(good) if chr(byte) in "0123456789abcdef"]
            at = draw(st.sampled_from(digits))
            return good[:at] + draw(st.sampled_from([b"f", b"-1", b"1e9", b'"'])) + good[at + 1 :]
        case _:
            return draw(st.binary(max_size=64))


def check(path: Path, data: bytes, load: Callable[[], object]) -> object:
    """What loading gives with these bytes in the file, or the message."""
    good = path.read_bytes()
    path.write_bytes(data)
    try:
        return load()
    except DirectoryError as error:
        return str(error)
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["copy.json", "trusted-root.json", "client.json"])
@given(data=st.data())
@FEW
def test_a_clients_file(name: str, data: st.DataObject, made: tuple[Path, Path]) -> None:
    client = made[1]
    path = client / name
    signed = load_cached_directory(client)
    got = check(path, data.draw(spoilt(path.read_bytes())), lambda: load_cached_directory(client))
    if isinstance(got, LoadedDirectory):
        # A signature more than needed, white space: nothing that was signed.
        assert got.sha256 == signed.sha256
        assert got.fresh_until == signed.fresh_until
    else:
        assert str(client) in str(got)


def everything(work: Path) -> object:
    folder = WorkingFolder(work)
    folder.check_draft_is_recorded()
    files = RepositoryFiles(folder.repository)
    roots = files.roots()
    load_proposal(folder, None)
    assert roots is not None
    return files.load()


@pytest.mark.parametrize(
    "name",
    [
        "keeper.json",
        "draft.json",
        "journal.jsonl",
        "proposed-root.json",
        "repository/metadata/1.root.json",
        "repository/metadata/timestamp.json",
        "repository/metadata/1.snapshot.json",
        "repository/metadata/1.targets.json",
    ],
)
@given(data=st.data())
@FEW
def test_a_keepers_file(name: str, data: st.DataObject, made: tuple[Path, Path]) -> None:
    work = made[0]
    path = work / name
    got = check(path, data.draw(spoilt(path.read_bytes())), lambda: everything(work))
    if isinstance(got, str):
        assert str(work) in got
