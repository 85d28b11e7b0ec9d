"""What the pages are made of: files by digest, markup, pictures, channels."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from provenance.errors import ConfigurationError
from provenance.pages.assets import asset_named, asset_url, packed_asset
from provenance.pages.history import history_items, history_svg
from provenance.pages.pictures import badge_svg, qr_svg
from provenance.pages.rendering import PageRequest, markup, render
from provenance.pages.result import result_view, safe_channels
from provenance.report import Ingredient, MetadataField, Region, Report, Resemblance
from provenance.runtime.page_parts import read_service_key
from provenance.signing.private_keys import generate_key, write_new_key
from provenance.verdict import Verdict
from provenance.wording.catalogue import wording_in
from provenance.wording.keys import label_of
from provenance.wording.languages import LANGUAGES
from provenance.wording.messages import Quoted, say
from tests.factory.reports import report_of

KOREAN, ENGLISH = (wording_in(language) for language in LANGUAGES[:2])
SVG = "{http://www.w3.org/2000/svg}"
MakeReport = Callable[..., Report]


def ingredient(number: int, parent: int | None = None, **fields: object) -> Ingredient:
    whole = {"depth": 1, "relationship": "componentOf", "title": f"part {number}", "state": "holds"}
    return Ingredient.model_validate({"id": number, "parent": parent, **whole, **fields})


def request_for(path: str = "/") -> PageRequest:
    return PageRequest(
        language=LANGUAGES[1], asked=True, path=path, base="https://check.example", test=True
    )


def test_a_file_is_named_by_its_digest_and_nothing_else_is_served() -> None:
    asset = asset_named("page.css")
    assert asset is not None
    assert asset_url("page.css") == f"/static/{asset.digest}/page.css"
    packed = packed_asset("page.css")
    assert packed is not None
    assert gzip.decompress(packed) == asset.data
    assert packed_asset("no.css") is None
    for name in ("../assets.py", "assets.py", ".css", "no.css", "", "page.css/"):
        assert asset_named(name) is None
    with pytest.raises(KeyError, match="no such file"):
        asset_url("no.css")


def test_a_strangers_text_is_escaped_and_set_apart_where_it_runs_the_other_way() -> None:
    said = markup(ENGLISH, say("known.signed", name=Quoted("<b>Aurora</b> & co")))
    assert "\u201c&lt;b&gt;Aurora&lt;/b&gt; &amp; co\u201d" in said
    hebrew = markup(ENGLISH, say("known.signed", name=Quoted("\u05d0\u05d1 Aurora")))
    assert "<bdi>\u201c\u05d0\u05d1 Aurora\u201d</bdi>" in hebrew


def test_templates_do_not_run_what_they_show() -> None:
    shown = render(
        "message.html",
        request_for(),
        heading="error.missing",
        text=say("plain", value="{{7*7}}<i>"),
    )
    assert "{{7*7}}&lt;i&gt;" in shown
    assert 'lang="en"' in shown
    assert "/?lang=en" in shown
    assert "TEST" in shown


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_badge_is_as_wide_as_its_words_and_says_test(verdict: Verdict) -> None:
    for wording in (KOREAN, ENGLISH):
        label = wording.text(label_of(verdict))
        drawn = fromstring(badge_svg(verdict, label, test=True))
        assert drawn.findtext(f"{SVG}text") == f"TEST. {label}"
        assert float(drawn.get("width", "0")) > 60
    hostile = badge_svg(verdict, "</text><script>", test=False)
    assert "<script>" not in hostile


def test_a_code_with_the_link_is_a_picture_without_scripts() -> None:
    drawn = fromstring(qr_svg("https://check.example/r/" + "A" * 22))
    assert drawn.tag == f"{SVG}svg"
    assert not list(drawn.iter(f"{SVG}script"))


def test_channels_are_whole_https_addresses() -> None:
    given = (
        "https://aurora.example/nova9",
        "http://aurora.example",
        "javascript:alert(1)",
        "https://user@aurora.example",
        "https://",
        "https://[::1",
    )
    assert safe_channels(given) == ("https://aurora.example/nova9",)


def test_a_history_is_a_picture_and_a_list_that_say_the_same() -> None:
    hostile = "</text><script>x</script>"
    report = report_of(
        ingredients=(
            ingredient(0, title=hostile),
            ingredient(1, 0, state="failed", agency=report_of().signer.agency),
            ingredient(2, state="none", title=None),
        )
    )
    items, left_out = history_items(report)
    assert ([item.depth for item in items], left_out) == ([1, 2, 1], 0)
    texts = [[ENGLISH.text(message) for message in item.says] for item in items]
    assert texts[1][1:] == ["its credentials do not hold", "release of Aurora Entertainment"]
    assert texts[2] == ["without a title", "it had no credentials"]
    drawn = history_svg(report, KOREAN, holds=True)
    assert "<script>" not in drawn
    assert "오로라 엔터테인먼트의 콘텐츠" in drawn
    assert len(list(fromstring(drawn).iter(f"{SVG}rect"))) == 5
    many = report_of(ingredients=tuple(ingredient(n) for n in range(100)))
    items, left_out = history_items(many)
    assert (len(items), left_out) == (60, 40)


def test_the_view_of_a_look_alike_and_of_metadata() -> None:
    agency = report_of().signer.agency
    assert agency is not None
    listed = agency.model_copy(update={"channels": ("https://aurora.example", "data:x")})
    nearest = Resemblance(
        release="x",
        distance=1,
        agency=listed,
        differs=(Region(left=0.1, top=0.25, width=0.5, height=0.5),),
    )
    fields = (
        MetadataField(name="exif:Artist", value="x", source="exif", state="unsigned"),
        MetadataField(
            name="exif:DateTime", value="y", source="exif", state="contradicts", against="z"
        ),
    )
    report = report_of(
        verdict=Verdict.LOOKALIKE,
        signer=report_of().signer.model_copy(update={"agency": None}),
        resemblance=(nearest,),
        metadata=fields,
    )
    view = result_view(report, ENGLISH)
    assert view.channels == ("https://aurora.example",)
    assert view.channels_of == listed
    (place,) = view.places
    assert ENGLISH.text(place.says) == "Place 1: 10% from the left, 25% from the top"
    assert [ENGLISH.text(who) for _, _, who in view.metadata] == [
        "nobody",
        "nobody; the signed value is \u201cz\u201d",
    ]


def test_the_key_for_badges_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    write_new_key(path, generate_key("EdDSA"), passphrase=None, unsafe_plain=True)
    assert read_service_key(path).public["crv"] == "Ed25519"
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="mode 600"):
        read_service_key(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_service_key(tmp_path / "none.pem")
