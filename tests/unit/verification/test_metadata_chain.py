from __future__ import annotations

from typing import Any

import pytest

from provenance.findings import FindingCode, Severity
from provenance.limits import Limits
from provenance.media.metadata import MetadataReading, RawField
from provenance.media.metadata.model import MetadataSource
from provenance.media.ranges import ByteRange
from provenance.report import MetadataField
from provenance.signing.memory_signer import MemorySigner
from provenance.verification.metadata_chain import MetadataVerdict, judge_metadata
from tests.factory.manifests import described_manifest, json_ld, source_type
from tests.factory.metadata import HOSTILE_TEXTS
from tests.factory.sign import CREATED
from tests.factory.stores import Store

_PLACE = ByteRange(100, 200)


def _field(name: str, value: str, where: ByteRange | None = _PLACE) -> RawField:
    sources: dict[str, MetadataSource] = {"xmp": "xmp", "iptc": "iptc", "exif": "exif"}
    source = sources.get(name.partition(":")[0], "container")
    return RawField(name=name, value=value, source=source, range=where)


def _reading(*fields: RawField, unreadable: tuple[str, ...] = ()) -> MetadataReading:
    return MetadataReading(fields=fields, unreadable=unreadable)


def _codes(verdict: MetadataVerdict) -> list[FindingCode]:
    return [found.code for found in verdict.findings]


def test_without_credentials_every_field_is_unsigned_and_nothing_is_said() -> None:
    verdict = judge_metadata(
        _reading(_field("exif:Artist", "NOVA9")), manifest=None, covered=True, uncovered=()
    )
    assert verdict.fields == (
        MetadataField(name="exif:Artist", value="NOVA9", source="exif", state="unsigned"),
    )
    assert verdict.findings == ()
    assert [field.name for field in verdict.unvouched] == ["exif:Artist"]


@pytest.mark.parametrize(
    ("where", "uncovered", "covered", "state"),
    [
        (_PLACE, (), True, "signed"),
        (_PLACE, (ByteRange(0, 100), ByteRange(200, 300)), True, "signed"),
        (_PLACE, (ByteRange(199, 200),), True, "unsigned"),
        (_PLACE, (ByteRange(0, 1000),), True, "unsigned"),
        (_PLACE, (), False, "unsigned"),
        (None, (), True, "signed"),
        (None, (ByteRange(900, 901),), True, "unsigned"),
    ],
)
def test_a_field_inside_the_hash_is_signed(
    agency_signer: MemorySigner,
    where: ByteRange | None,
    uncovered: tuple[ByteRange, ...],
    *,
    covered: bool,
    state: str,
) -> None:
    verdict = judge_metadata(
        _reading(_field("exif:Artist", "NOVA9", where)),
        manifest=described_manifest(agency_signer),
        covered=covered,
        uncovered=uncovered,
    )
    assert [field.state for field in verdict.fields] == [state]
    assert (verdict.vouched == ()) == (state == "unsigned")
    if state == "unsigned":
        (found,) = verdict.findings
        assert found.code is FindingCode.METADATA_UNSIGNED
        assert found.evidence == {"count": 1}


_TITLES = {"x-default": "Stage", "ko": "무대"}


@pytest.mark.parametrize("label", ["c2pa.metadata", "cawg.metadata"])
@pytest.mark.parametrize(
    ("name", "value", "properties"),
    [
        (
            "exif:DateTimeOriginal",
            "2026-01-31T12:00:00",
            {"exif__DateTimeOriginal": "2026:01:31 12:00:00"},
        ),
        (
            "xmp:photoshop:DateCreated",
            "2026-01-31",
            {"exif__DateTimeOriginal": "2026-01-31T12:00:00+09:00"},
        ),
        ("iptc:By-line", "오로라", {"dc__creator": ["오로라"]}),
        ("xmp:dc:creator", "NOVA9; 오로라", {"dc__creator": {"@list": ["오로라", "NOVA9"]}}),
        ("xmp:dc:title", "Stage", {"dc__title": _TITLES}),
        ("xmp:dc:title[ko]", "무대", {"dc__title": _TITLES}),
        ("exif:FNumber", "2.8", {"exif__FNumber": "28/10"}),
        ("exif:Make", "Aurora", {"tiff__Make": "Aurora"}),
        (
            "exif:GPSPosition",
            "37.5665, 126.9780",
            {"exif__GPSLatitude": "37,33.99N", "exif__GPSLongitude": "126,58.68E"},
        ),
        ("xmp:Iptc4xmpExt:DigitalSourceType", "digitalCapture", {}),
        (
            "xmp:Iptc4xmpExt:PersonInImage",
            "NOVA9",
            {"Iptc4xmpExt__PersonInImage": [{"name": "NOVA9"}]},
        ),
    ],
)
def test_a_field_repeated_in_a_signed_statement_is_signed(
    agency_signer: MemorySigner, label: str, name: str, value: str, properties: dict[str, Any]
) -> None:
    field = _field(name, value)
    manifest = described_manifest(agency_signer, assertions=[json_ld(label, **properties)])
    verdict = judge_metadata(_reading(field), manifest=manifest, covered=False, uncovered=())
    judged = verdict.fields[0]
    assert (judged.state, judged.against) == ("signed", None)
    assert judged.assertion == (label if properties else "c2pa.actions.v2")
    assert verdict.vouched == (field,)


def test_schema_org_descriptions_are_compared(agency_signer: MemorySigner) -> None:
    work = {
        "label": "stds.schema-org.CreativeWork",
        "data": {
            "@context": "https://schema.org",
            "@type": "CreativeWork",
            "author": [{"@type": "Organization", "name": "오로라 엔터테인먼트"}],
            "datePublished": "2026-02-01",
        },
    }
    verdict = judge_metadata(
        _reading(_field("exif:Artist", "오로라 엔터테인먼트")),
        manifest=described_manifest(agency_signer, assertions=[work]),
        covered=False,
        uncovered=(),
    )
    # The engine stores the properties of this assertion in an order of its own.
    assert {(f.name, f.value, f.source, f.state) for f in verdict.fields} == {
        ("exif:Artist", "오로라 엔터테인먼트", "exif", "signed"),
        ("schema:author", "오로라 엔터테인먼트", "assertion", "signed"),
        ("schema:datePublished", "2026-02-01", "assertion", "signed"),
    }


@pytest.mark.parametrize("covered", [True, False])
def test_a_field_against_a_signed_statement_contradicts_it(
    agency_signer: MemorySigner, *, covered: bool
) -> None:
    manifest = described_manifest(
        agency_signer, assertions=[json_ld("c2pa.metadata", dc__creator=["NOVA9"])]
    )
    verdict = judge_metadata(
        _reading(_field("exif:Artist", "Nobody")),
        manifest=manifest,
        covered=covered,
        uncovered=(),
    )
    assert verdict.fields[0] == MetadataField(
        name="exif:Artist",
        value="Nobody",
        source="exif",
        state="contradicts",
        against="NOVA9",
        assertion="c2pa.metadata",
    )
    (found,) = verdict.findings
    assert found.code is FindingCode.METADATA_CONTRADICTS
    assert found.evidence == {
        "name": "exif:Artist",
        "file": "Nobody",
        "signed": "NOVA9",
        "assertion": "c2pa.metadata",
    }
    assert bool(verdict.vouched) is covered


def test_another_source_type_than_the_action_contradicts_it(agency_signer: MemorySigner) -> None:
    field = _field("xmp:Iptc4xmpExt:DigitalSourceType", source_type("trainedAlgorithmicMedia"))
    manifest = described_manifest(agency_signer)
    verdict = judge_metadata(_reading(field), manifest=manifest, covered=False, uncovered=())
    assert verdict.fields[0].state == "contradicts"
    assert verdict.fields[0].against == source_type("digitalCapture")
    edited = [{"action": "c2pa.edited", "digitalSourceType": source_type("humanEdits")}]
    opened = described_manifest(
        agency_signer,
        edit=lambda store: store.set_assertion("c2pa.actions.v2", {"actions": edited}),
    )
    verdict = judge_metadata(_reading(field), manifest=opened, covered=False, uncovered=())
    assert verdict.fields[0].state == "unsigned"


def test_what_cannot_be_compared_is_no_contradiction(agency_signer: MemorySigner) -> None:
    manifest = described_manifest(
        agency_signer,
        assertions=[json_ld(exif__DateTimeOriginal="2026-01-31T03:00:00Z", dc__subject=["a", "b"])],
    )
    fields = (
        # Another zone that is not told; a list that overlaps; a language of its own.
        _field("exif:DateTimeOriginal", "2026-01-31T12:00:00"),
        _field("xmp:dc:subject", "b; c"),
        _field("xmp:dc:subject[ko]", "무대"),
    )
    verdict = judge_metadata(_reading(*fields), manifest=manifest, covered=False, uncovered=())
    assert [field.state for field in verdict.fields[:3]] == ["unsigned"] * 3
    assert _codes(verdict) == [FindingCode.METADATA_UNSIGNED]


def test_a_capture_on_another_day_than_the_action_says_is_noted(
    agency_signer: MemorySigner,
) -> None:
    action = {**CREATED, "when": "2026-01-31T12:00:00Z"}
    manifest = described_manifest(agency_signer, actions=[action])
    for taken, severities in (
        ("2026-02-01T20:00:00", []),
        ("2026-02-03T12:00:00", [Severity.INFO]),
        ("no date", []),
    ):
        verdict = judge_metadata(
            _reading(_field("exif:DateTimeOriginal", taken)),
            manifest=manifest,
            covered=True,
            uncovered=(),
        )
        assert verdict.fields[0].state == "signed"
        assert [found.severity for found in verdict.findings] == severities


@pytest.mark.parametrize("name", ["exif:GPSPosition", "xmp:exif:GPSPosition", "container:location"])
def test_a_position_is_warned_of_without_repeating_it(name: str) -> None:
    verdict = judge_metadata(
        _reading(_field(name, "37.5665, 126.9780")), manifest=None, covered=False, uncovered=()
    )
    (found,) = verdict.findings
    assert found.code is FindingCode.LOCATION_PUBLISHED
    assert found.evidence == {"names": [name]}


def test_a_position_in_an_assertion_is_warned_of(agency_signer: MemorySigner) -> None:
    described = json_ld(exif__GPSLatitude="37.5665", exif__GPSLongitude="126.978")
    verdict = judge_metadata(
        _reading(),
        manifest=described_manifest(agency_signer, assertions=[described]),
        covered=True,
        uncovered=(),
    )
    assert _codes(verdict) == [FindingCode.LOCATION_PUBLISHED]
    assert [(f.name, f.value) for f in verdict.fields] == [
        ("exif:GPSPosition", "37.5665, 126.9780")
    ]


def test_what_could_not_be_read_is_said() -> None:
    verdict = judge_metadata(
        _reading(unreadable=("XMP: \x1b[31mno",)), manifest=None, covered=False, uncovered=()
    )
    (found,) = verdict.findings
    assert found.code is FindingCode.METADATA_UNREADABLE
    assert found.evidence == {"what": ["XMP: [31mno"]}


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_hostile_text_is_cleaned_everywhere(agency_signer: MemorySigner, hostile: str) -> None:
    def edit(store: Store) -> None:
        body = {"@context": {}, "dc:creator": hostile, f"x:{hostile}": hostile}
        store.add_assertion("stds.exif", body)
        store.add_assertion(f"stds.iptc__{hostile}", {"dc:rights": hostile})

    verdict = judge_metadata(
        _reading(_field("exif:Artist", "Nobody"), _field("xmp:dc:source", hostile)),
        manifest=described_manifest(agency_signer, edit=edit),
        covered=False,
        uncovered=(),
    )
    shown = str([field.model_dump() for field in verdict.fields])
    shown += str([found.evidence for found in verdict.findings])
    assert not any(character in shown for character in "\x1b\u202e\u200b")
    assert not any(code in shown for code in ("\\x1b", "\\u202e", "\\u200b"))
    assert verdict.fields[0].state == "contradicts"


def test_names_in_assertions_are_those_of_their_namespaces(agency_signer: MemorySigner) -> None:
    def edit(store: Store) -> None:
        body = {
            "@context": [
                "https://context.example",
                {"x1": "http://purl.org/dc/elements/1.1/", "y": "https://aurora.example/ns#"},
            ],
            "x1:creator": "NOVA9",
            "http://ns.adobe.com/photoshop/1.0/City": "서울",
            "y:stage": {"y:number": 3, "@type": "Stage"},
            "tiff:Orientation": 1,
        }
        store.add_assertion("c2pa.metadata", body)

    manifest = described_manifest(agency_signer, edit=edit)
    verdict = judge_metadata(_reading(), manifest=manifest, covered=True, uncovered=())
    assert [(field.name, field.value) for field in verdict.fields] == [
        ("dc:creator", "NOVA9"),
        ("photoshop:City", "서울"),
        ("y:stage/y:number", "3"),
    ]


def test_the_list_is_bounded_and_keeps_contradictions(agency_signer: MemorySigner) -> None:
    def edit(store: Store) -> None:
        body: dict[str, Any] = {"dc:creator": "NOVA9"}
        body |= {f"x:p{number}": "v" for number in range(1000)}
        store.add_assertion("cawg.metadata", body)

    junk = [_field(f"xmp:x:q{number}", "v") for number in range(1000)]
    verdict = judge_metadata(
        _reading(*junk, _field("exif:Artist", "Nobody")),
        manifest=described_manifest(agency_signer, edit=edit),
        covered=False,
        uncovered=(),
        limits=Limits(max_metadata_fields=10),
    )
    assert len(verdict.fields) == 10
    assert [field.source for field in verdict.fields].count("assertion") == 5
    assert "exif:Artist" in [field.name for field in verdict.fields]
    assert FindingCode.METADATA_CONTRADICTS in _codes(verdict)
    unsigned = next(f for f in verdict.findings if f.code is FindingCode.METADATA_UNSIGNED)
    assert unsigned.evidence == {"count": 1000}


@pytest.mark.parametrize(
    "value",
    [None, 7, 2**4000, [], [[["deep"]]], {"a": {"b": {"c": "d"}}}, True, 1.5, b"raw", ""],
)
def test_odd_values_in_assertions_are_harmless(agency_signer: MemorySigner, value: object) -> None:
    def edit(store: Store) -> None:
        store.add_assertion("c2pa.metadata", {"dc:creator": value, "@context": value})

    manifest = described_manifest(agency_signer, edit=edit)
    verdict = judge_metadata(
        _reading(_field("exif:Artist", "NOVA9")), manifest=manifest, covered=False, uncovered=()
    )
    assert verdict.fields[0].name == "exif:Artist"
