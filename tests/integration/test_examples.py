"""The examples run as they are, and the generated schemas are up to date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from provenance.schema_documents import main as write_schemas

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


def test_the_schemas_in_the_repository_are_those_of_the_code() -> None:
    assert write_schemas(["--check", str(ROOT / "schemas")]) == 0
