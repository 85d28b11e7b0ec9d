"""Make the two pictures that the engine is tested with before each use.

    python -m tests.factory.make_builtin_samples

`good.jpg` is signed and untouched; `bad.jpg` is the same with one bit of the picture
flipped. The certificates are valid until 2125, and their keys are thrown away here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from provenance.signing.dev_agency import create_dev_agency
from tests.factory.media import jpeg
from tests.factory.sign import sign

SAMPLES = Path(__file__).parents[2] / "provenance" / "credentials" / "samples"


def main() -> None:
    agency = create_dev_agency(
        name="Self Test",
        name_ko="자가 시험",
        organization="Provenance Self Test",
        artists=(),
        at=datetime(2026, 1, 1, tzinfo=UTC),
        validity_days=36_000,
        authority_validity_days=36_200,
    )
    good = sign(jpeg(1, size=(64, 48)), "image/jpeg", signer=agency.signer())
    bad = bytearray(good)
    # Shortly before the end-of-image marker: inside the scan, so the file still parses.
    bad[-20] ^= 0x01
    (SAMPLES / "good.jpg").write_bytes(good)
    (SAMPLES / "bad.jpg").write_bytes(bytes(bad))


if __name__ == "__main__":
    main()
