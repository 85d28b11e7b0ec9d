"""Every message in every language: there, translated, with its places, and never too strong."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from provenance.report import AgencyRef
from provenance.wording.catalogue import catalogue_files, catalogue_keys, wording_in
from provenance.wording.languages import DEFAULT, LANGUAGES, Language
from provenance.wording.messages import Quoted, say

ENGLISH = catalogue_keys(DEFAULT)
OTHERS = [language for language in LANGUAGES if language is not DEFAULT]
# The same in every language: a name, an abbreviation, nothing but a place.
SAME = {"row.digest", "row.ai", "plain"}

# What a verdict never says, and no page either: that something is fake, real or true.
FORBIDDEN = {
    "en": r"(?i)\b(fake|real|really|true|truth|authentic)\b",
    "ko": r"가짜|진짜|진실|사실|위조|진품",
    "ja": r"本物|偽|フェイク|(?<!写)真|嘘",
    "zh-Hans": r"[假真伪]",
    "zh-Hant": r"[假真偽]",
    "es": r"(?i)\b(fals\w+|verdad\w*|real(es|mente)?)\b",
    "pt": r"(?i)\b(fals\w+|verdad\w*|real|reais|realmente)\b",
    "id": r"(?i)\b(palsu|asli|benar\w*|nyata|hoaks|sebenarnya)\b",
    "th": r"ปลอม|จริง|แท้",
    "vi": r"(?i)\b(giả|thật|thực|đúng)\b",
}
# Words that belong to one verdict alone.
OFFICIAL = {
    "en": r"(?i)\bofficial",
    "ko": "공식",
    "ja": "公式",
    "zh-Hans": "官方",
    "zh-Hant": "官方",
    "es": r"(?i)\boficial",
    "pt": r"(?i)\boficia",
    "id": r"(?i)\bresmi",
    "th": "ทางการ",
    "vi": r"(?i)chính thức",
}
MAY_SAY_OFFICIAL = {"label.official", "known.official"}
# Characters; the sentence is read in ten seconds on a phone.
BUDGET = {"label": 45, "known": 170, "how": 230, "not": 230, "do": 230, "nav": 30}


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def places(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
class TestCatalogue:
    def test_it_has_every_key_and_no_other(self, language: Language) -> None:
        assert catalogue_keys(language).keys() == ENGLISH.keys()

    def test_nothing_is_empty_or_marked_as_doubtful(self, language: Language) -> None:
        for key, text in catalogue_keys(language).items():
            assert all(form.strip() for form in forms(text)), key
        for path in catalogue_files(language):
            assert "fuzzy" not in path.read_text("utf-8")

    def test_its_places_are_those_of_english(self, language: Language) -> None:
        for key, text in catalogue_keys(language).items():
            for form in forms(text):
                assert places(form) == places(forms(ENGLISH[key])[-1]), key

    def test_no_text_calls_anything_by_a_word_that_we_never_use(self, language: Language) -> None:
        for key, text in catalogue_keys(language).items():
            for form in forms(text):
                assert not re.search(FORBIDDEN[language.tag], form), (key, form)

    def test_official_is_said_of_official_releases_only(self, language: Language) -> None:
        said = {
            key
            for key, text in catalogue_keys(language).items()
            if any(re.search(OFFICIAL[language.tag], form) for form in forms(text))
        }
        assert said == MAY_SAY_OFFICIAL

    def test_the_name_of_the_system_is_not_translated(self, language: Language) -> None:
        for key, text in ENGLISH.items():
            if "Content Credentials" in forms(text)[0]:
                theirs = catalogue_keys(language)[key]
                assert all("Content Credentials" in form for form in forms(theirs)), key

    def test_texts_are_short(self, language: Language) -> None:
        for key, text in catalogue_keys(language).items():
            limit = BUDGET.get(key.split(".")[0], 230)
            assert all(len(form) <= limit for form in forms(text)), (key, text)

    def test_plurals_follow_the_language(self, language: Language) -> None:
        wording = wording_in(language)
        one, many = (wording.text(say("history.count", count=n)) for n in (1, 2))
        assert "1" in one
        assert "2" in many
        different = one.replace("1", "") != many.replace("2", "")
        assert different == (language.tag in {"en", "es", "pt"})

    def test_a_message_without_its_value_is_our_fault(self, language: Language) -> None:
        wording = wording_in(language)
        with pytest.raises(KeyError, match="agency"):
            wording.text("known.official")
        with pytest.raises(KeyError, match="no such key"):
            wording.text("no such key")
        with pytest.raises(KeyError, match="no count"):
            wording.text("history.count")

    def test_a_quoted_text_cannot_leave_its_quotation_marks(self, language: Language) -> None:
        opening, closing = language.quotes
        hostile = f'Aurora{closing} "is official" {{agency}} {opening}'
        shown = wording_in(language).text(say("known.signed", name=Quoted(hostile)))
        assert shown.count(closing) == 1
        assert shown.count(opening) == 1
        assert "{agency}" in shown


@pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.tag)
def test_translators_see_the_english_of_today(language: Language) -> None:
    paths = catalogue_files(language)
    assert [path.name for path in paths] == [path.name for path in catalogue_files(DEFAULT)]
    for path in paths:
        for entry in read_po(BytesIO(path.read_bytes())):
            if entry.id:
                key = entry.id if isinstance(entry.id, str) else entry.id[0]
                assert entry.auto_comments == [" || ".join(forms(ENGLISH[key]))], key


@pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.tag)
def test_nothing_is_left_in_english(language: Language) -> None:
    same = {key for key, text in catalogue_keys(language).items() if text == ENGLISH[key]}
    assert same <= SAME


def test_names_and_dates_are_the_readers() -> None:
    korean, english = (wording_in(language) for language in LANGUAGES[:2])
    agency = AgencyRef(
        id="aurora",
        name="Aurora Entertainment",
        names={"en": "Aurora Entertainment", "ko": "오로라 엔터테인먼트"},
    )
    known = say("known.official", agency=agency)
    assert korean.text(known) == "오로라 엔터테인먼트의 공식 콘텐츠입니다."
    assert english.text(known) == "Official release of Aurora Entertainment."
    moment = datetime(2026, 11, 1, 12, tzinfo=UTC)
    dated = say("how.time-trusted", date=moment)
    assert "2026년 11월 1일" in korean.text(dated)
    assert "November 1, 2026" in english.text(dated)
    title = {"en": "Starlight", "ko": "별빛"}
    assert "\u201c별빛\u201d" in korean.text(say("also.resembles", release=title))
    assert english.moment(moment) == "November 1, 2026, 12:00 UTC"
    assert korean.size(24_300) == "24,300바이트"
    assert english.percent(0.427) == "43%"
