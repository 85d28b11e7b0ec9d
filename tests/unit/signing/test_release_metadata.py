from __future__ import annotations

import json
from typing import Any

import pytest

from provenance.media.formats import MediaKind
from provenance.media.metadata.namespaces import PREFIXES
from provenance.signing.release import load_release
from provenance.signing.release_metadata import metadata_body, training_and_mining_body
from provenance.signing.release_model import Release
from tests.factory.releases import EXAMPLE, minimal

PLUS = "http://ns.useplus.org/ldf/vocab/"


def body(kind: MediaKind = MediaKind.IMAGE, **fields: Any) -> dict[str, Any]:
    entry = {"path": "a.jpg", "digital_source_type": "digitalCapture", **fields.pop("entry", {})}
    release = Release.model_validate(minimal(entry, **fields))
    return metadata_body(release, release.files[0], dict(release.title), kind=kind, agency=None)


def test_a_title_is_given_in_each_language_and_for_whoever_reads_none() -> None:
    assert body()["dc:title"] == {"x-default": "Starlight", "en": "Starlight", "ko": "별빛"}


def test_the_context_binds_exactly_the_prefixes_that_are_used() -> None:
    release = load_release(EXAMPLE).document
    for entry in release.files:
        said = metadata_body(
            release, entry, dict(release.title), kind=MediaKind.VIDEO, agency=None,
            consents=release.consents,
        )  # fmt: skip
        text = json.dumps({key: value for key, value in said.items() if key != "@context"})
        for prefix, uri in said["@context"].items():
            assert f'"{prefix}:' in text
            assert PREFIXES[uri] == prefix


def test_artists_are_named_once_by_the_name_the_directory_lists() -> None:
    artists = [{"name": "NOVA9", "names": {"ko": "노바나인"}, "isni": "000000012281955X"}]
    said = body(artists=artists)
    assert said["Iptc4xmpExt:PersonInImage"] == ["NOVA9"]
    assert said["Iptc4xmpExt:PersonInImageWDetails"] == [
        {
            "Iptc4xmpExt:PersonName": {"x-default": "NOVA9", "ko": "노바나인"},
            "Iptc4xmpExt:PersonId": ["https://isni.org/isni/000000012281955X"],
        }
    ]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (MediaKind.IMAGE, {"Iptc4xmpExt:PersonInImage"}),
        (MediaKind.VIDEO, {"Iptc4xmpExt:PersonInImage", "xmpDM:artist"}),
        (MediaKind.AUDIO, {"xmpDM:artist"}),
        (MediaKind.DOCUMENT, set()),
    ],
)
def test_who_is_seen_or_heard(kind: MediaKind, fields: set[str]) -> None:
    assert {"Iptc4xmpExt:PersonInImage", "xmpDM:artist"} & set(body(kind)) == fields


def test_a_file_may_show_some_of_the_artists_or_none() -> None:
    artists = [{"name": "NOVA9"}, {"name": "VEGA5"}]
    shown = body(artists=artists, entry={"shows": ["vega5", "VEGA5"]})
    assert shown["Iptc4xmpExt:PersonInImage"] == ["VEGA5"]
    assert "Iptc4xmpExt:PersonInImage" not in body(artists=artists, entry={"shows": []})


def test_creators_and_other_contributors_are_kept_apart() -> None:
    release: dict[str, Any] = {
        "credits": [{"role": "Photographer", "name": "A"}, {"role": "stylist", "name": "B"}]
    }
    said = body(**release)
    assert (said["dc:creator"], said["dc:contributor"]) == (["A"], ["B"])
    own = body(**release, entry={"credits": [{"role": "composer", "name": "C"}]})
    assert own["dc:creator"] == ["C"]
    assert "dc:contributor" not in own
    assert own["Iptc4xmpExt:Contributor"] == [
        {"Iptc4xmpExt:Name": "C", "Iptc4xmpExt:Role": ["composer"]}
    ]


def test_identifiers_dates_and_places() -> None:
    said = body(
        MediaKind.AUDIO,
        entry={"isrc": "KR-A1B-26-00001", "iswc": "T0345246801", "languages": ["ko", "en"]},
        publication_date="2026-11-30T18:00:00+09:00",
        embargo_until="2026-11-30T17:00:00+09:00",
        territories=["KR", "JP"],
    )
    assert said["schema:isrcCode"] == "KRA1B2600001"
    assert said["schema:iswcCode"] == "T-034.524.680-1"
    assert said["dc:language"] == ["ko", "en"]
    assert said["prism:publicationDate"] == "2026-11-30T18:00:00+09:00"
    assert said["prism:embargoDate"] == "2026-11-30T17:00:00+09:00"
    assert said["plus:RegionConstraints"] == "KR, JP"
    assert said["dc:identifier"] == ["NOVA9-2026-11"]


def test_without_consents_no_model_release_is_claimed() -> None:
    assert not any(name.startswith("plus:ModelRelease") for name in body())


@pytest.mark.parametrize(
    ("choices", "term"),
    [
        ({}, "DMI-PROHIBITED"),
        (dict.fromkeys(("ai_training", "data_mining", "ai_inference"), "allowed"),
         "DMI-PROHIBITED-GENAIMLTRAINING"),
        (dict.fromkeys(("data_mining", "ai_inference"), "allowed"),
         "DMI-PROHIBITED-AIMLTRAINING"),
        ({"data_mining": "allowed"}, "DMI-PROHIBITED"),
        (dict.fromkeys(
            ("ai_training", "ai_generative_training", "data_mining", "ai_inference"), "allowed"),
         "DMI-ALLOWED"),
        ({"data_mining": {"use": "constrained", "info": "ask"}}, "DMI-PROHIBITED-SEECONSTRAINT"),
    ],
)  # fmt: skip
def test_the_plus_term_permits_no_more_than_the_choices(choices: dict[str, Any], term: str) -> None:
    said = body(training_and_mining=choices)
    assert said["plus:DataMining"] == PLUS + term
    assert ("plus:OtherConstraints" in said) is term.endswith("CONSTRAINT")


def test_permissions_are_said_for_each_of_the_four_uses() -> None:
    release = Release.model_validate(
        minimal(training_and_mining={"ai_inference": {"use": "constrained", "info": "ask us"}})
    )
    assert training_and_mining_body(release.training_and_mining) == {
        "entries": {
            "cawg.ai_training": {"use": "notAllowed"},
            "cawg.ai_generative_training": {"use": "notAllowed"},
            "cawg.ai_inference": {"use": "constrained", "constraint_info": "ask us"},
            "cawg.data_mining": {"use": "notAllowed"},
        }
    }
