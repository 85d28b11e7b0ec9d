"""The examples run as they are, and the generated schemas are up to date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from provenance.schema_documents import main as write_schemas
from tests.factory import media

ROOT = Path(__file__).parents[2]


def run_example(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_the_demo_ends_as_expected_and_an_upload_is_verified(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = run_example(ROOT / "examples" / "demo.py", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    directory = out / "agency" / "directory.json"
    upload = ROOT / "examples" / "verify_upload.py"
    done = run_example(upload, out / "clip.mp4", directory)
    assert done.returncode == 0
    assert done.stdout.startswith("official: TEST. Official release of Aurora Entertainment.")
    assert run_example(upload, out / "clip-tampered.mp4", directory).returncode == 1
    assert run_example(upload, out / "gone.mp4", directory).returncode == 2
    done = run_example(upload, out / "picture-changed.jpg", directory, out / "register.db")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("lookalike: ")
    assert "resembles NOVA9-PICTURE, and differs in 1 places" in done.stdout


def test_a_content_management_system_publishes_what_is_official(tmp_path: Path) -> None:
    agency = tmp_path / "agency"
    made = run_example("-m", "provenance.cli.main", "dev", "new-agency", agency)
    assert made.returncode == 0, made.stderr
    picture, signed = tmp_path / "photo.jpg", tmp_path / "public.jpg"
    picture.write_bytes(media.jpeg())
    options = ("--agency", agency, "--title", "Concept photo")
    hook = ROOT / "examples" / "cms_hook.py"
    # An editor presses the button twice.
    for _ in range(2):
        done = run_example(hook, picture, signed, *options)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("TEST. Official release of ")
    upload = ROOT / "examples" / "verify_upload.py"
    assert run_example(upload, signed, agency / "directory.json").returncode == 0
    picture.write_bytes(b"no picture")
    refused = run_example(hook, picture, tmp_path / "other.jpg", *options)
    assert (refused.returncode, "a file of no known type" in refused.stderr) == (1, True)
    assert not (tmp_path / "other.jpg").exists()


def test_the_schemas_in_the_repository_are_those_of_the_code() -> None:
    assert write_schemas(["--check", str(ROOT / "schemas")]) == 0
