from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ReleaseError
from provenance.signing.release import LoadedRelease
from provenance.signing.release_files import expand_files, find_file
from tests.factory.releases import folder_with, minimal

NAMES = (
    "concept/a.jpg",
    "concept/day1/1.jpg",
    "concept/day1/b/2.jpg",
    "concept/day2/b/b/3.jpg",
    "concept/day2/b/4.JPG",
    "concept/.hidden.jpg",
    "concept/a.jpg.c2pa",
    "concept/Thumbs.db",
    "concept/.git/x.jpg",
    "teaser.mp4",
)


def release_of(folder: Path, *entries: Mapping[str, Any], names: Any = NAMES) -> LoadedRelease:
    files = [{"digital_source_type": "digitalCapture", **entry} for entry in entries]
    return folder_with(folder, minimal(*files), dict.fromkeys(names, b"x"))


def paths(loaded: LoadedRelease) -> list[str]:
    return [file.path for file in expand_files(loaded)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("concept/*.jpg", ["concept/a.jpg"]),
        ("concept/*", ["concept/a.jpg"]),
        ("*/*/1.jp?", ["concept/day1/1.jpg"]),
        ("concept/*/*/[24].*", ["concept/day1/b/2.jpg", "concept/day2/b/4.JPG"]),
        (
            "**/b/*",
            ["concept/day1/b/2.jpg", "concept/day2/b/4.JPG", "concept/day2/b/b/3.jpg"],
        ),
        (
            "concept/**/*.jpg",
            [
                "concept/a.jpg",
                "concept/day1/1.jpg",
                "concept/day1/b/2.jpg",
                "concept/day2/b/b/3.jpg",
            ],
        ),
        ("**/*.mp4", ["teaser.mp4"]),
        ("*", ["teaser.mp4"]),
        (
            "concept/day2/**",
            ["concept/day2/b/4.JPG", "concept/day2/b/b/3.jpg"],
        ),
    ],
)
def test_a_pattern_stands_for_files_sorted_by_path(
    pattern: str, expected: list[str], tmp_path: Path
) -> None:
    found = expand_files(release_of(tmp_path, {"glob": pattern}))
    assert [file.path for file in found] == expected
    assert [file.number for file in found] == list(range(1, len(expected) + 1))
    assert {file.where for file in found} == {"files[0]"}
    assert [file.source for file in found] == [tmp_path.resolve() / path for path in expected]


def test_entries_stay_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    loaded = release_of(tmp_path, {"path": "teaser.mp4"}, {"glob": "concept/*.jpg"})
    assert [(f.path, f.where) for f in expand_files(loaded)] == [
        ("teaser.mp4", "files[0]"),
        ("concept/a.jpg", "files[1]"),
    ]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_however_the_disk_composes_them(form: Any, tmp_path: Path) -> None:
    name = unicodedata.normalize(form, "사진/별빛ガ.jpg")
    loaded = release_of(
        tmp_path, {"path": "사진/별빛ガ.jpg"}, {"glob": "사*/*.png"},
        names=(name, name.replace(".jpg", ".png")),
    )  # fmt: skip
    assert paths(loaded) == ["사진/별빛ガ.jpg", "사진/별빛ガ.png"]


def test_two_names_that_differ_in_composition_only_are_not_guessed_between(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "가각.jpg") for form in ("NFD", "NFC")]
    loaded = release_of(tmp_path, {"path": names[1]}, names=names)
    assert expand_files(loaded)[0].source.name == names[1]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([{"path": "gone.jpg"}], "files[0]: 'gone.jpg': no such file"),
        ([{"path": "concept"}], "files[0]: concept: expected a plain file"),
        ([{"path": "release.yaml"}], "is the release manifest itself"),
        ([{"glob": "nothing/*"}], "files[0]: nothing/* matches no file"),
        ([{"glob": "*.flac"}], "files[0]: *.flac matches no file"),
        (
            [{"path": "concept/a.jpg"}, {"glob": "concept/*.jpg"}],
            "files[1]: concept/a.jpg is named twice: by files[0] too",
        ),
        ([{"path": "outside.jpg"}], "outside.jpg leads out of the folder"),
        ([{"path": "folder/x.jpg"}], "folder/x.jpg leads out of the folder"),
        ([{"path": "loop.jpg"}], "files[0]"),
        ([{"path": "pipe.jpg"}], "pipe.jpg: expected a plain file"),
        ([{"path": "link.mp4"}, {"path": "teaser.mp4"}], "is named twice"),
        ([{"path": "bell\x07.jpg"}], "control characters"),
    ],
)
def test_what_cannot_be_used_is_named(
    entries: list[dict[str, Any]], why: str, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "release", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "x.jpg").write_bytes(b"x")
    (folder / "outside.jpg").symlink_to(outside / "x.jpg")
    (folder / "folder").symlink_to(outside)
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "bell\x07.jpg").write_bytes(b"x")
    (folder / "link.mp4").symlink_to(folder / "teaser.mp4")
    os.mkfifo(folder / "pipe.jpg")
    with pytest.raises(ReleaseError) as raised:
        expand_files(release_of(folder, *entries))
    assert why in str(raised.value)


def test_a_pattern_follows_no_link_to_a_folder_but_takes_a_link_to_a_file(tmp_path: Path) -> None:
    folder, outside = tmp_path / "release", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "x.jpg").write_bytes(b"x")
    (folder / "linked").symlink_to(outside)
    (folder / "again").symlink_to(folder)
    (folder / "b.jpg").symlink_to(folder / "a.jpg")
    loaded = release_of(folder, {"glob": "**/b.jpg"}, names=["a.jpg"])
    assert paths(loaded) == ["b.jpg"]
    with pytest.raises(ReleaseError, match="matches no file"):
        expand_files(release_of(folder, {"glob": "**/x.jpg"}, names=["a.jpg"]))


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"x")
    with pytest.raises(ReleaseError, match="surrogates"):
        expand_files(release_of(tmp_path, {"glob": "*.jpg"}, names=()))


def test_an_ingredient_is_found_by_the_same_rules(tmp_path: Path) -> None:
    loaded = release_of(tmp_path, {"path": "teaser.mp4"})
    found = find_file(loaded, "concept/a.jpg", where="files[0].ingredients[0]")
    assert found == tmp_path.resolve() / "concept/a.jpg"
    with pytest.raises(ReleaseError, match=r"files\[0\]\.ingredients\[0\]"):
        find_file(loaded, "gone.jpg", where="files[0].ingredients[0]")


def test_thousands_of_files_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "concept").mkdir()
    for number in range(3_000):
        (tmp_path / "concept" / f"{number:05}.jpg").touch()
    found = expand_files(release_of(tmp_path, {"glob": "concept/*.jpg"}, names=()))
    assert (len(found), found[-1].number) == (3_000, 3_000)
