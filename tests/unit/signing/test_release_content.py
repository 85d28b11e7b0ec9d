from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from provenance.credentials.manifest_store import Manifest, parse_manifest_store
from provenance.errors import ReleaseError
from provenance.media.sniff import sniff
from provenance.signing.claim_content import ClaimContent
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.release_content import claim_content
from provenance.trust.directory import Agency
from tests.factory import media
from tests.factory.judging import directory_of
from tests.factory.releases import (
    AI,
    CONSENT,
    SIGNED_AT,
    folder_with,
    minimal,
    sign_content,
    the_file,
)
from tests.factory.sign import store_of

JPEG = "image/jpeg"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAPTURED = {"path": "a.jpg", "digital_source_type": "digitalCapture"}
MADE = {"path": "a.jpg", "digital_source_type": "trainedAlgorithmicMedia", "ai": dict(AI)}

Content = Callable[..., ClaimContent]


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """What is claimed about the one file of a release."""

    def make(
        entry: Mapping[str, Any],
        *,
        files: Mapping[str, bytes] | None = None,
        fields: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ClaimContent:
        data = {"a.jpg": media.jpeg(1), "b.jpg": media.jpeg(2), "c.jpg": media.jpeg(3)}
        loaded = folder_with(tmp_path, minimal(entry, **(fields or {})), {**data, **(files or {})})
        file = the_file(loaded)
        kind = sniff(file.source.read_bytes())
        assert kind is not None
        options.setdefault("at", SIGNED_AT)
        return claim_content(loaded, file, media_format=kind, **options)

    return make


def assertion(content: ClaimContent, label: str) -> Any:
    (found,) = [a for a in content.manifest["assertions"] if a["label"] == label]
    return found["data"]


def actions(content: ClaimContent) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = assertion(content, "c2pa.actions.v2")["actions"]
    return found


def signed(content: ClaimContent, signer: MemorySigner, asset: bytes | None = None) -> Manifest:
    data = sign_content(asset or media.jpeg(1), content, signer=signer)
    return parse_manifest_store(store_of(data, JPEG)).active


def test_a_photograph_is_created(content: Content) -> None:
    made = content(CAPTURED)
    assert assertion(made, "c2pa.actions.v2") == {
        "actions": [{"action": "c2pa.created", "digitalSourceType": IPTC + "digitalCapture"}],
        "allActionsIncluded": False,
    }
    assert made.referenced == ("c2pa.actions.v2", "cawg.metadata", "cawg.training-mining")
    assert (made.intent, made.digital_source_type, made.ingredients) == (None, None, ())
    assert made.manifest["title"] == "Starlight"
    (info,) = made.manifest["claim_generator_info"]
    assert (info["name"], info["specVersion"]) == ("Provenance", "2.4.0")


def test_content_can_be_written_and_sent_to_another_process(content: Content) -> None:
    made = content(MADE, fields={"consents": [dict(CONSENT)]})
    assert pickle.loads(pickle.dumps(made)) == made
    assert ClaimContent.model_validate_json(made.model_dump_json()) == made
    json.dumps(made.manifest)


def test_how_it_was_created_may_be_told(content: Content) -> None:
    made = content(
        {
            **CAPTURED,
            "actions": [
                {
                    "action": "c2pa.created",
                    "when": "2026-10-01T09:00:00+09:00",
                    "software": {"name": "Camera"},
                },
                {"action": "c2pa.cropped", "digital_source_type": "humanEdits"},
            ],
            "all_actions": True,
        }
    )
    assert [action["action"] for action in actions(made)] == ["c2pa.created", "c2pa.cropped"]
    assert actions(made)[0] == {
        "action": "c2pa.created",
        "when": "2026-10-01T09:00:00+09:00",
        "softwareAgent": {"name": "Camera"},
        "digitalSourceType": IPTC + "digitalCapture",
    }
    assert assertion(made, "c2pa.actions.v2")["allActionsIncluded"] is True


def test_a_file_with_credentials_becomes_the_parent(
    content: Content, signed_jpeg: bytes, agency_signer: MemorySigner
) -> None:
    edit = {"action": "c2pa.adjustedColor", "digital_source_type": "humanEdits"}
    made = content(
        {"path": "a.jpg", "actions": [edit]},
        files={"a.jpg": signed_jpeg},
        has_credentials=True,
        metadata_removed=True,
    )
    assert [action["action"] for action in actions(made)] == [
        "c2pa.opened",
        "c2pa.edited.metadata",
        "c2pa.adjustedColor",
    ]
    assert "digitalSourceType" not in actions(made)[0]
    assert made.referenced[-1] == "c2pa.ingredient.v3"
    manifest = signed(made, agency_signer, signed_jpeg)
    (parent,) = manifest.of_type("c2pa.ingredient.v3")
    assert parent.decode_map()["relationship"] == "parentOf"
    opened = manifest.assertions["c2pa.actions.v2"].decode()["actions"][0]
    (reference,) = opened["parameters"]["ingredients"]
    assert reference["url"].endswith("/c2pa.ingredient.v3")


def test_an_original_may_be_the_parent_of_a_file_without_credentials(content: Content) -> None:
    made = content(
        {"path": "a.jpg", "ingredients": [{"path": "b.jpg", "relationship": "parentOf"}]}
    )
    assert [action["action"] for action in actions(made)] == ["c2pa.opened"]
    (parent,) = made.ingredients
    assert parent.path.name == "b.jpg"
    assert parent.definition == {
        "title": "b.jpg",
        "relationship": "parentOf",
        "label": "ingredient-0",
    }


def test_components_are_placed_and_inputs_belong_to_the_creation(
    content: Content, agency_signer: MemorySigner
) -> None:
    made = content(
        {
            "path": "a.jpg",
            "digital_source_type": "compositeWithTrainedAlgorithmicMedia",
            "ai": {**AI, "used_for": ["other"], "artists": []},
            "ingredients": [
                {"path": "b.jpg", "relationship": "componentOf", "title": "stage",
                 "digital_source_type": "digitalCapture"},
                {"path": "c.jpg", "relationship": "inputTo", "title": "reference"},
            ],
        }
    )  # fmt: skip
    manifest = signed(made, agency_signer)
    listed = manifest.assertions["c2pa.actions.v2"].decode()["actions"]
    assert [action["action"] for action in listed] == ["c2pa.created", "c2pa.placed"]
    titles = []
    for action in listed:
        (reference,) = action["parameters"]["ingredients"]
        ingredient = manifest.assertions[reference["url"].rpartition("/")[2]].decode()
        titles.append((ingredient["dc:title"], ingredient["relationship"]))
    assert titles == [("reference", "inputTo"), ("stage", "componentOf")]
    component = manifest.assertions["c2pa.ingredient.v3"].decode()
    assert component["digitalSourceType"] == IPTC + "digitalCapture"


def test_inputs_of_an_opened_file_belong_to_the_action_of_the_model(content: Content) -> None:
    trained = {"action": "c2pa.edited", "digital_source_type": "trainedAlgorithmicMedia"}
    entry = {
        "path": "a.jpg",
        "ai": {**AI, "used_for": ["other"], "artists": []},
        "actions": [{"action": "c2pa.transcoded"}, trained],
        "ingredients": [{"path": "c.jpg", "relationship": "inputTo"}],
    }
    made = content(entry, has_credentials=True)
    assert [a.get("parameters") for a in actions(made)] == [
        {"ingredientIds": ["parent"]},
        None,
        {"ingredientIds": ["ingredient-0"]},
    ]
    entry = {**entry, "actions": [], "digital_source_type": "trainedAlgorithmicMedia"}
    with pytest.raises(ReleaseError, match="inputTo needs an action"):
        content(entry, has_credentials=True)


@pytest.mark.parametrize(
    ("entry", "options", "why"),
    [
        ({"path": "a.jpg"}, {}, "digital_source_type is missing"),
        (
            {"path": "a.jpg", "ingredients": [{"path": "b.jpg", "relationship": "parentOf"}]},
            {"has_credentials": True},
            "b.jpg cannot be another",
        ),
        (
            {**CAPTURED, "actions": [{"action": "c2pa.created"}]},
            {"has_credentials": True},
            "it cannot begin with c2pa.created",
        ),
        (
            {**CAPTURED, "ingredients": [{"path": "a.jpg", "relationship": "componentOf"}]},
            {},
            "an ingredient of itself",
        ),
        (
            {**CAPTURED, "ingredients": [{"path": "gone.jpg", "relationship": "componentOf"}]},
            {},
            "files[0].ingredients[0]: 'gone.jpg': no such file",
        ),
        (
            {
                **CAPTURED,
                "ingredients": [
                    {
                        "path": "b.jpg",
                        "relationship": "componentOf",
                        "digital_source_type": "digitalCapture",
                    }
                ],
            },
            {"credentialed": {"b.jpg"}},
            "leave digital_source_type out",
        ),
        (MADE, {}, "voice of NOVA9: no consent is on record"),
    ],
)
def test_what_breaks_a_rule_is_refused(
    content: Content, entry: dict[str, Any], options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ReleaseError) as raised:
        content(entry, **options)
    assert why in str(raised.value)


def test_another_kind_of_media_than_the_directory_lists(
    content: Content, agency: DevAgency
) -> None:
    def entry(*kinds: str) -> Agency:
        scope = {"artists": ["NOVA9"], "media_kinds": list(kinds)}
        return directory_of(agency, entry={"scope": scope}).document.agencies[0]

    assert content(CAPTURED, agency=entry("image")).referenced
    with pytest.raises(ReleaseError, match="for audio only, and this is image/jpeg"):
        content(CAPTURED, agency=entry("audio"))


def test_the_publisher_is_named_as_the_directory_names_it(
    content: Content, agency: DevAgency
) -> None:
    entry = directory_of(agency).document.agencies[0]
    said = assertion(content(CAPTURED, agency=entry), "cawg.metadata")
    assert said["dc:publisher"] == ["Aurora Entertainment"]


def test_a_model_is_disclosed_with_what_it_was_used_for_and_on_whom(content: Content) -> None:
    ai = {
        "model": {
            "name": "Aurora Voice",
            "version": "3",
            "type": "c2pa.types.model.onnx",
            "identifier": "https://aurora.example/m3",
        },
        "oversight": "human_validated",
        "used_for": ["voice"],
        "artists": ["노바나인"],
    }
    other = {"model": {"name": "Upscaler"}, "used_for": ["other"], "artists": []}
    made = content(
        {**MADE, "ai": [ai, other]}, fields={"consents": [{**CONSENT, "artist": "노바나인"}]}
    )
    disclosures = [a for a in made.manifest["assertions"] if a["label"] == "c2pa.ai-disclosure"]
    assert [entry["created"] for entry in disclosures] == [True, True]
    assert disclosures[0]["data"] == {
        "modelType": "c2pa.types.model.onnx",
        "modelName": "Aurora Voice 3",
        "modelIdentifier": "https://aurora.example/m3",
        "contentProfile": {"humanOversightLevel": "human_validated"},
        "metadata": {
            "org.provenance-verifier.uses": ["voice"],
            "org.provenance-verifier.artists": ["NOVA9"],
        },
    }
    assert disclosures[1]["data"]["modelType"] == "c2pa.types.model"
    # By the one name that everything else has for the artist.
    assert assertion(made, "org.provenance-verifier.consent")["artist"] == "NOVA9"
    assert made.referenced == (
        "c2pa.actions.v2",
        "c2pa.ai-disclosure",
        "c2pa.ai-disclosure__1",
        "cawg.metadata",
        "cawg.training-mining",
        "org.provenance-verifier.consent",
    )


def test_only_the_consent_that_the_file_relies_on_is_in_it(content: Content) -> None:
    consents = [dict(CONSENT), {**CONSENT, "uses": ["likeness"], "identifier": "C-2"}]
    made = content(MADE, fields={"consents": consents})
    assert assertion(made, "org.provenance-verifier.consent")["identifier"] == "C-2026-0117"
    plain = content(CAPTURED, fields={"consents": consents})
    assert "org.provenance-verifier.consent" not in plain.referenced
    metadata = assertion(made, "cawg.metadata")
    assert metadata["plus:ModelReleaseStatus"].endswith("/MR-LMR")
    assert metadata["plus:ModelReleaseID"] == ["C-2026-0117"]


@pytest.mark.parametrize("with_identity", [True, False])
def test_who_vouches_for_what_the_desk_entered(
    content: Content, agency_signer: MemorySigner, *, with_identity: bool
) -> None:
    made = content(MADE, fields={"consents": [dict(CONSENT)]}, with_identity=with_identity)
    manifest = signed(made, agency_signer)
    created = {label for label, a in manifest.assertions.items() if a.created}
    entered = {"cawg.metadata", "cawg.training-mining", "org.provenance-verifier.consent"}
    assert created - entered == {"c2pa.actions.v2", "c2pa.ai-disclosure", "c2pa.hash.data"}
    assert created & entered == (set() if with_identity else entered)
    # The numbering of labels is the engine's own.
    assert set(manifest.assertions) == {*made.referenced, "c2pa.hash.data"}
    box = manifest.assertions["cawg.metadata"].box
    assert [content.type for content in box.contents] == [b"json"]


def test_titles_of_a_pattern_are_numbered(content: Content) -> None:
    made = content(
        {
            "glob": "photos/*.jpg",
            "digital_source_type": "digitalCapture",
            "title": {"en": "Photo {number} of {braces} ({stem})", "ko": "사진 {number}"},
        },
        files={"photos/별빛.jpg": media.jpeg(1)},
    )
    assert assertion(made, "cawg.metadata")["dc:title"] == {
        "x-default": "Photo 1 of {braces} (별빛)",
        "en": "Photo 1 of {braces} (별빛)",
        "ko": "사진 1",
    }


def test_the_title_of_a_single_file_is_taken_as_it_is(content: Content) -> None:
    made = content({**CAPTURED, "title": {"en": "{number}"}})
    assert made.manifest["title"] == "{number}"


def test_labels_are_numbered_as_the_engine_numbers_them(
    content: Content, agency_signer: MemorySigner
) -> None:
    made = content(
        {
            **MADE,
            "ai": [
                dict(AI),
                {**AI, "used_for": ["translation"]},
                {**AI, "used_for": ["other"], "artists": []},
            ],
            "ingredients": [
                {"path": "b.jpg", "relationship": "componentOf"},
                {"path": "c.jpg", "relationship": "componentOf"},
            ],
        },
        fields={"consents": [dict(CONSENT), {**CONSENT, "uses": ["translation"]}]},
    )
    manifest = signed(made, agency_signer)
    assert set(manifest.assertions) == {*made.referenced, "c2pa.hash.data"}
    assert len(made.referenced) == 10
