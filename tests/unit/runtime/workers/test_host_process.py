"""What processes of ours are started with."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from provenance.runtime.workers.host_process import own_environment

# The flags of the mapping that a block of 256 MB lies in; `hg`: large pages are asked for.
_PROGRAM = """
import ctypes, json
block = bytearray(256 * 1024**2)
at = ctypes.addressof(ctypes.c_char.from_buffer(block))
inside = False
with open("/proc/self/smaps") as file:
    for line in file:
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            begin, end = (int(part, 16) for part in first.split("-"))
            inside = begin <= at < end
        elif inside and first == "VmFlags:":
            print(json.dumps(line.split()[1:]))
"""


@pytest.mark.parametrize("ours", [True, False])
def test_large_blocks_of_memory_are_made_ready_in_large_pages(*, ours: bool) -> None:
    """It makes a video of 2 GB a quarter faster; others are left as they are."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=own_environment() if ours else {**os.environ, "GLIBC_TUNABLES": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("hg" in json.loads(done.stdout)) is ours


def test_no_secret_is_among_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "starlight over the river")
    monkeypatch.setenv("TZ", "Asia/Seoul")
    environment = own_environment()
    assert environment["TZ"] == "Asia/Seoul"
    assert not [value for value in environment.values() if "starlight" in value]
