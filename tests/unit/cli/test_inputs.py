from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.cli.inputs import Input, Notice, find_inputs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def found(*names: str, recursive: bool = False) -> list[tuple[str, str | None]]:
    items = find_inputs(names, recursive=recursive)
    return [(item.shown, item.sidecar) for item in items if isinstance(item, Input)]


def notices(*names: str, recursive: bool = False) -> list[Notice]:
    return [i for i in find_inputs(names, recursive=recursive) if isinstance(i, Notice)]


@pytest.mark.usefixtures("folder")
def test_names_keep_their_order_and_spelling() -> None:
    make("b.jpg", "a.jpg")
    assert found("./b.jpg", "a.jpg", "-", "gone.jpg") == [
        ("./b.jpg", None),
        ("a.jpg", None),
        ("(standard input)", None),
        ("gone.jpg", None),
    ]


@pytest.mark.usefixtures("folder")
def test_a_sidecar_of_the_whole_name_comes_before_one_of_the_stem() -> None:
    make("d/a.jpg", "d/a.c2pa")
    assert found("d/a.jpg") == [("d/a.jpg", "d/a.c2pa")]
    make("d/a.jpg.c2pa")
    assert found("d/a.jpg") == [("d/a.jpg", "d/a.jpg.c2pa")]


@pytest.mark.usefixtures("folder")
def test_a_sidecar_that_two_media_files_could_claim_is_used_for_neither() -> None:
    make("live.heic", "live.mov", "live.c2pa")
    assert found("live.heic", "live.mov") == [("live.heic", None), ("live.mov", None)]
    told = notices("live.heic")
    assert [(n.failed, "live.c2pa" in n.message) for n in told] == [(False, True)]


@pytest.mark.usefixtures("folder")
def test_a_text_beside_a_picture_does_not_take_its_sidecar() -> None:
    make("a.jpg", "a.txt", "a.c2pa")
    assert found(".", recursive=True) == [("./a.jpg", "./a.c2pa"), ("./a.txt", None)]


@pytest.mark.usefixtures("folder")
def test_a_sidecar_named_itself_has_no_sidecar() -> None:
    make("a.c2pa", "a.c2pa.c2pa")
    assert found("a.c2pa") == [("a.c2pa", None)]


@pytest.mark.usefixtures("folder")
def test_a_folder_needs_the_recursive_option() -> None:
    make("d/a.jpg")
    assert found("d") == []
    assert [(n.failed, n.message.startswith("d: is a folder")) for n in notices("d")] == [
        (True, True)
    ]


@pytest.mark.usefixtures("folder")
def test_a_folder_is_walked_in_order_without_hidden_files_and_used_sidecars() -> None:
    make("d/b.jpg", "d/a/z.png", "d/.hidden.jpg", "d/.git/x.jpg", "d/c.mp4", "d/c.c2pa")
    make("d/alone.c2pa")
    assert found("d", recursive=True) == [
        ("d/a/z.png", None),
        ("d/alone.c2pa", None),
        ("d/b.jpg", None),
        ("d/c.mp4", "d/c.c2pa"),
    ]
    assert found("d/.hidden.jpg") == [("d/.hidden.jpg", None)]


@pytest.mark.usefixtures("folder")
def test_circles_of_links_end_and_links_to_files_are_examined() -> None:
    make("d/a.jpg")
    Path("d/up").symlink_to("..")
    Path("d/loop").symlink_to("loop")
    Path("d/link.jpg").symlink_to("a.jpg")
    Path("d/broken.jpg").symlink_to("gone")
    assert [shown for shown, _ in found("d", recursive=True)] == [
        "d/a.jpg",
        "d/broken.jpg",
        "d/link.jpg",
        "d/loop",
    ]


@pytest.mark.usefixtures("folder")
def test_a_pipe_in_a_folder_is_told_and_not_read() -> None:
    Path("d").mkdir()
    os.mkfifo("d/pipe")
    assert found("d", recursive=True) == []
    assert [(n.failed, "d/pipe" in n.message) for n in notices("d", recursive=True)] == [
        (False, True)
    ]


def test_a_folder_that_goes_while_it_is_walked_is_a_failure(folder: Path) -> None:
    make("d/a.jpg", "d/b/c.jpg")
    items = find_inputs(["d"], recursive=True)
    assert isinstance(next(items), Input)
    (folder / "d/b/c.jpg").unlink()
    (folder / "d/b").rmdir()
    assert [(type(item), getattr(item, "failed", None)) for item in items] == [(Notice, True)]


def test_an_empty_name_is_a_failure() -> None:
    assert [n.failed for n in notices("")] == [True]


def test_a_folder_deeper_than_the_recursion_limit_is_walked(folder: Path) -> None:
    make("stays")
    for _ in range(1200):
        Path("d").mkdir()
        os.chdir("d")
    make("a.jpg")
    os.chdir(folder)
    ((shown, _),) = found("d", recursive=True)
    assert shown == "d/" * 1200 + "a.jpg"
    # Whoever clears temporary folders may walk them recursively.
    Path(shown).unlink()
    os.removedirs("d/" * 1200)
