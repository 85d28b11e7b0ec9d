"""`provenance.sign`: the one call for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

import provenance
from provenance.errors import ReleaseError, TimeStampError
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.dev_agency_folder import write_dev_agency
from tests.factory import media
from tests.factory.desk import now, time_stamp_list, write_release
from tests.factory.tsa import TimeStampAuthority


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    agency: DevAgency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=now(),
    )
    write_dev_agency(agency, folder / "agency", passphrase=None)
    (folder / "source").mkdir()
    (folder / "source" / "stage.jpg").write_bytes(media.jpeg())
    return folder


def call(home: Path, **options: object) -> tuple[tuple[str, str | None], ...]:
    results = provenance.sign(
        home / "source" / "release.yaml",
        home / "out",
        key=str(home / "agency" / "leaf.key.pem"),
        certificate=home / "agency" / "chain.pem",
        directory=home / "agency" / "directory.json",
        unsafe_plain_key=True,
        **options,  # type: ignore[arg-type]
    )
    return tuple((result.state, result.why) for result in results)


def test_a_release_is_signed_stamped_and_kept_by_a_second_call(
    home: Path, tsa_server: TimeStampAuthority
) -> None:
    write_release(home / "source", [{"path": "stage.jpg", "digital_source_type": "digitalCapture"}])
    stamps = {
        "time_stamp_authorities": (tsa_server.url,),
        "time_stamp_lists": (time_stamp_list(tsa_server.root),),
        "network_allow": (tsa_server.url.removeprefix("http://").rstrip("/"),),
    }
    assert call(home, **stamps) == (("signed", None),)
    report = provenance.verify(
        home / "out" / "stage.jpg",
        directory=provenance.load_directory(home / "agency" / "directory.json"),
        time_stamp_lists=stamps["time_stamp_lists"],  # type: ignore[arg-type]
    )
    assert report.require("official").time.state == "trusted"
    assert call(home, **stamps) == (("kept", None),)


def test_it_fails_closed_without_an_authority_and_says_what_is_wrong(home: Path) -> None:
    write_release(home / "source", [{"path": "stage.jpg", "digital_source_type": "digitalCapture"}])
    with pytest.raises(TimeStampError, match="expected an authority"):
        call(home)
    with pytest.raises(provenance.ConfigurationError, match="expected both or none"):
        call(home, identity_key="leaf.key.pem")
    write_release(home / "source", [{"path": "gone.jpg", "digital_source_type": "digitalCapture"}])
    with pytest.raises(ReleaseError, match=r"gone\.jpg"):
        call(home, unsafe_no_timestamp=True)
