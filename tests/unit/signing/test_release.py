from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from provenance.errors import ReleaseError
from provenance.schema_documents import schema_documents
from provenance.signing.release import Release, load_release, parse_release
from provenance.signing.structured_text import parse_yaml
from tests.factory.releases import AI, CONSENT, EXAMPLE, minimal


def parse(document: dict[str, Any]) -> Release:
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    return parse_release(text.encode(), where="release.yaml")


def why(document: dict[str, Any]) -> str:
    with pytest.raises(ReleaseError) as raised:
        parse(document)
    return str(raised.value)


def photograph(**fields: Any) -> dict[str, Any]:
    return {"path": "a.jpg", "digital_source_type": "digitalCapture", **fields}


def test_the_example_is_a_release_and_fits_its_schema() -> None:
    loaded = load_release(EXAMPLE)
    assert loaded.document.release_id == "NOVA9-2026-STARLIGHT"
    assert loaded.sha256 == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert loaded.folder == EXAMPLE.parent
    schema = json.loads(schema_documents()["release.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    document = parse_yaml(EXAMPLE.read_text("utf-8"), where="example").value
    jsonschema.Draft202012Validator(schema).validate(document)


def test_json_says_the_same_as_yaml(tmp_path: Path) -> None:
    document = minimal(photograph(), consents=[dict(CONSENT)])
    (tmp_path / "r.json").write_text(json.dumps(document), "utf-8")
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(document), "utf-8")
    by_json, by_yaml = load_release(tmp_path / "r.json"), load_release(tmp_path / "r.yaml")
    assert by_json.document == by_yaml.document
    assert by_json.sha256 != by_yaml.sha256


def test_a_release_can_be_written_and_read_again() -> None:
    release = load_release(EXAMPLE).document
    assert Release.model_validate(release.model_dump(mode="json")) == release
    assert Release.model_validate_json(release.model_dump_json()) == release
    assert pickle.loads(pickle.dumps(release)) == release


def test_every_problem_has_a_line_of_its_own_in_the_order_of_the_document() -> None:
    text = (
        'schema_version: "1"\n'
        "agency: aurora\n"
        "release_id: x\n"
        "title: {en: Starlight}\n"
        "files:\n"
        "  - path: a.jpg\n"
        "    digital_source_type: digitalCapture\n"
        "  - path: b.mp4\n"
        "    digital_source_type: trainedAlgorithmicMedia\n"
        "    ai:\n"
        "      modle: {name: x}\n"
        "      used_for: [other]\n"
        "      artists: []\n"
        "  - path: ../c.jpg\n"
        "colour: red\n"
    )
    with pytest.raises(ReleaseError) as raised:
        parse_release(text.encode(), where="r.yaml")
    assert str(raised.value).splitlines() == [
        "r.yaml: line 10: files[1].ai.model: is missing",
        "r.yaml: line 11: files[1].ai.modle: is not known here",
        (
            "r.yaml: line 14: files[2].path: expected a path inside the folder of the release "
            "manifest, got '../c.jpg'"
        ),
        "r.yaml: line 15: colour: is not known here",
    ]


def test_in_json_a_problem_has_a_place_and_no_line() -> None:
    document = json.dumps(minimal(photograph(isrc="x")))
    with pytest.raises(ReleaseError, match=r"^r: files\[0\]\.isrc: expected an ISRC"):
        parse_release(document.encode(), where="r", json=True)


def test_many_problems_are_counted() -> None:
    said = why(minimal(*[photograph(path=f"{n}.jpg", colour="x") for n in range(500)]))
    assert len(said.splitlines()) == 11
    assert said.endswith("and 490 more problems")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected a map"),
        (b"[]", "expected a map"),
        (b"a: \xff\xfe\n", "line 1: expected UTF-8"),
        (b"a: 1\nb: \xc3(\n", "line 2: expected UTF-8"),
        (b"#" * (4 * 1024 * 1024 + 1), "expected 4194304 at most"),
    ],
)
def test_what_is_no_document(data: bytes, said: str) -> None:
    with pytest.raises(ReleaseError) as raised:
        parse_release(data, where="r")
    assert said in str(raised.value)


def test_a_byte_order_mark_is_forgiven() -> None:
    data = b"\xef\xbb\xbf" + yaml.safe_dump(minimal()).encode()
    assert parse_release(data, where="r").agency == "aurora-entertainment"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("gone.yaml", "pipe.yaml", "", "a\0b"):
        with pytest.raises(ReleaseError, match="cannot be read"):
            load_release(f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schema_version": "2"}, "schema_version: expected '1', got '2'"),
        ({"agency": "Aurora Entertainment"}, "agency: string should match"),
        ({"release_id": "a b"}, "release_id: string should match"),
        ({"title": {}}, "title: dictionary should have at least 1"),
        ({"title": {"en": "a\nb"}}, "title.en: expected text of one line"),
        ({"title": {"english!": "a"}}, "expected a language tag"),
        ({"title": "Starlight"}, "title: expected a map, got 'Starlight'"),
        ({"artists": [{"name": "A"}, {"name": "B", "names": {"ko": "a"}}]}, "two artists are"),
        ({"artists": [{"name": "A", "isni": "0000 0001 2281 9551"}]}, "wrong check digit"),
        ({"publication_date": "2026-11-30"}, "publication_date: expected a date and time"),
        ({"publication_date": "2026-11-30T18:00:00"}, "with its zone"),
        (
            {
                "publication_date": "2026-11-30T18:00:00+09:00",
                "embargo_until": "2026-11-30T18:00:01+09:00",
            },
            "release.yaml: publication_date: it is before the embargo ends",
        ),
        ({"channels": ["http://aurora.example"]}, "channels[0]: string should match"),
        ({"territories": ["KR", "XX"]}, "territories[1]: expected a country"),
        ({"territories": None}, "territories: expected worldwide"),
        ({"training_and_mining": {"data_mining": "no"}}, "training_and_mining.data_mining"),
        (
            {"training_and_mining": {"data_mining": {"use": "constrained"}}},
            "training_and_mining.data_mining: constrained needs info",
        ),
        (
            {"training_and_mining": {"data_mining": {"use": "allowed", "info": "x"}}},
            "only constrained has it",
        ),
        ({"rights": {"licensor": {"name": "A", "email": "x"}}}, "rights.licensor.email"),
        ({"keep_metadata": ["a\nb"]}, "keep_metadata[0]: expected text of one line"),
        ({"consents": [{**CONSENT, "uses": ["dance"]}]}, "consents[0].uses[0]: expected 'voice'"),
        ({"files": []}, "files: tuple should have at least 1 item"),
        ({"files": {"path": "a"}}, "files: expected a list"),
    ],
)
def test_fields_of_the_release(fields: dict[str, Any], said: str) -> None:
    assert said in why(minimal(photograph(), **fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"path": "/etc/passwd"}, "inside the folder"),
        ({"path": "a/../../b"}, "inside the folder"),
        ({"path": "C:/a.jpg"}, "inside the folder"),
        ({"path": "a\\b.jpg"}, "with forward slashes"),
        ({"path": "a/"}, "with forward slashes"),
        ({"path": "."}, "with forward slashes"),
        ({"glob": "*.jpg"}, "expected either path or glob"),
        ({"path": None}, "expected either path or glob"),
        ({"path": None, "glob": "a.jpg"}, "name a single file by path"),
        ({"path": None, "glob": "../*.jpg"}, "inside the folder"),
        ({"path": None, "glob": "**/**/*.jpg"}, "expected ** once"),
        ({"path": None, "glob": "*.mp3", "isrc": "KRA1B2600001"}, "is that of one file"),
        ({"digital_source_type": "photo"}, "expected a digital source type"),
        ({"iswc": "T-034.524.680-2"}, "files[0].iswc: this ISWC has a wrong check digit"),
        ({"languages": ["korean!"]}, "files[0].languages[0]: expected a language tag"),
        ({"shows": ["VEGA5"]}, "files[0].shows: VEGA5 is not among the artists"),
        ({"thumbnail": "auto"}, "files[0].thumbnail: expected 'none'"),
        (
            {"actions": [{"action": "c2pa.published"}, {"action": "c2pa.created"}]},
            "c2pa.created can only come first",
        ),
        (
            {"ingredients": [{"path": f"{n}.jpg", "relationship": "parentOf"} for n in "ab"]},
            "expected one parentOf at most",
        ),
        ({"ingredients": [{"path": "b.jpg", "relationship": "memberOf"}]}, "'componentOf'"),
    ],
)
def test_fields_of_a_file(fields: dict[str, Any], said: str) -> None:
    entry = {key: value for key, value in photograph(**fields).items() if value is not None}
    assert said in why(minimal(entry))


MADE = {"path": "a.jpg", "digital_source_type": "trainedAlgorithmicMedia"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (MADE, "ai is missing"),
        (photograph(ai=dict(AI)), "no source type says that a trained model was used"),
        ({**MADE, "ai": {**AI, "artists": []}}, "expected whose voice it is, or `invented: true`"),
        ({**MADE, "ai": {**AI, "invented": "true"}}, "what is invented is no artist's"),
        ({**MADE, "ai": {**AI, "used_for": ["other"]}}, "`other` concerns nobody"),
        ({**MADE, "ai": {**AI, "used_for": []}}, "files[0].ai.used_for: tuple should have"),
        ({**MADE, "ai": {**AI, "used_for": ["voice", "voice"]}}, "one use is named twice"),
        ({**MADE, "ai": {**AI, "artists": ["NOVA9", "nova9"]}}, "one artist is named twice"),
        ({**MADE, "ai": {**AI, "model": {"name": "x", "type": "onnx"}}}, "files[0].ai.model.type"),
        ({**MADE, "ai": [{**AI, "oversight": "none"}]}, "files[0].ai[0].oversight: expected"),
        ({**MADE, "ai": "voice"}, "files[0].ai: expected a list"),
    ],
)
def test_declarations_of_models(entry: dict[str, Any], said: str) -> None:
    assert said in why(minimal(entry))


@pytest.mark.parametrize(
    "fields",
    [
        {"used_for": ["other"], "artists": []},
        {"used_for": ["translation"], "artists": []},
        {"used_for": ["voice", "other"], "artists": ["NOVA9"]},
        {"used_for": ["likeness"], "artists": [], "invented": True},
    ],
)
def test_declarations_that_agree_with_themselves(fields: dict[str, Any]) -> None:
    release = parse(minimal({**MADE, "ai": {**AI, **fields}}))
    assert [where for where, _ in release.declarations()] == ["files[0].ai[0]"]


@pytest.mark.parametrize(
    "entry",
    [
        photograph(
            ai=[dict(AI)],
            actions=[{"action": "c2pa.dubbed", "digital_source_type": "trainedAlgorithmicMedia"}],
        ),
        photograph(
            ai=dict(AI),
            ingredients=[
                {
                    "path": "b.jpg",
                    "relationship": "componentOf",
                    "digital_source_type": "trainedAlgorithmicMedia",
                }
            ],
        ),
    ],
)
def test_an_action_or_an_ingredient_may_say_that_a_model_was_used(entry: dict[str, Any]) -> None:
    assert len(parse(minimal(entry)).files[0].ai) == 1


def test_artists_go_by_any_of_their_names() -> None:
    release = parse(minimal())
    assert release.canonical_name("노바나인") == "NOVA9"
    assert release.canonical_name(" nova9 ") == "NOVA9"
    assert release.canonical_name("VEGA5") == "VEGA5"


def test_without_a_word_nothing_is_allowed() -> None:
    choices = parse(minimal()).training_and_mining
    assert {getattr(choices, name).use for name in type(choices).model_fields} == {"notAllowed"}
