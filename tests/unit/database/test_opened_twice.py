"""One process has a register open twice, as the service does, while another writes to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from provenance.registry.register.register import Register

WRITE = """
import sys
from provenance.fingerprints.model import Algorithm
from provenance.registry.register.register import Register

with Register(sys.argv[1]) as register:
    register.codes.add_negative([(Algorithm.PDQ, bytes(32))], why="black frame")
"""


def test_opening_it_again_takes_nothing_from_the_first(tmp_path: Path) -> None:
    place = tmp_path / "register.db"
    with Register(place) as first, Register(place, read_only=True) as second:
        for written in (1, 2):
            # Where the locks of the first were lost, this one's end would delete the
            # write-ahead log that both still read.
            subprocess.run([sys.executable, "-c", WRITE, str(place)], check=True, timeout=60)
            for register in (first, second):
                changes = register.codes.codes_since(0)
                assert len(changes.negative_added) == written
        first.codes.add_negative([], why="nothing")
        assert second.codes.codes_since(0).upto == first.codes.codes_since(0).upto
