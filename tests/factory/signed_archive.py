"""An archive of signed pictures that all differ, with the agency that signed them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provenance.signing.dev_agency import create_dev_agency
from provenance.signing.dev_agency_folder import write_dev_agency
from provenance.trust.directory import LoadedDirectory, load_directory
from tests.factory import media, pki
from tests.factory.sign import sign

__all__ = ["PASSPHRASE", "SignedArchive", "make_signed_archive"]

PASSPHRASE = "starlight over the river"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedArchive:
    """Pictures in folders, one folder a release.

    Attributes:
        folder: Where they are.
        agency: Keys, certificates and directory, as `provenance keys dev` writes them.
    """

    folder: Path
    agency: Path

    @property
    def directory(self) -> LoadedDirectory:
        """The directory that lists the agency."""
        return load_directory(self.agency / "directory.json")

    @property
    def key_options(self) -> list[str]:
        """Options that name key, certificate and directory."""
        return [
            *("--key", str(self.agency / "leaf.key.pem")),
            *("--certificate", str(self.agency / "chain.pem")),
            *("--directory", str(self.agency / "directory.json")),
        ]


def make_signed_archive(home: Path, files: int, *, a_release: int = 100) -> SignedArchive:
    """Write so many signed pictures, so many to a release."""
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )
    home.mkdir(parents=True, exist_ok=True)
    write_dev_agency(agency, home / "agency", passphrase=PASSPHRASE.encode())
    signer = agency.signer()
    for number in range(files):
        folder = home / "files" / f"NOVA9-{number // a_release:03}"
        folder.mkdir(parents=True, exist_ok=True)
        data = sign(media.jpeg(number), "image/jpeg", signer=signer, title=f"picture {number}")
        (folder / f"{number:06}.jpg").write_bytes(data)
    return SignedArchive(folder=home / "files", agency=home / "agency")
