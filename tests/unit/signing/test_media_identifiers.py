from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from provenance.signing.media_identifiers import Isni, Isrc, Iswc, Language, Territories, isni_url


def checked(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (Isrc, "KR-A1B-26-00001", "KRA1B2600001"),
        (Isrc, "kra1b2600001", "KRA1B2600001"),
        (Iswc, "T-034.524.680-1", "T-034.524.680-1"),
        (Iswc, "T0345246801", "T-034.524.680-1"),
        (Isni, "0000 0001 2281 955X", "000000012281955X"),
        (Isni, "0000-0001-2103-2683", "0000000121032683"),
        (Language, "ko", "ko"),
        (Language, "zh-Hant-TW", "zh-Hant-TW"),
        (Language, "es-419", "es-419"),
        (Language, "no", "no"),
    ],
)
def test_what_is_well_formed_gets_one_form(kind: Any, written: str, meant: str) -> None:
    assert checked(kind, written) == meant
    assert checked(kind, meant) == meant


@pytest.mark.parametrize(
    ("kind", "written", "why"),
    [
        (Isrc, "KR-A1B-26-0001", "expected an ISRC"),
        (Isrc, "1R-A1B-26-00001", "expected an ISRC"),
        (Isrc, 12, "expected text"),
        (Iswc, "T-034.524.680-2", "wrong check digit"),
        (Iswc, "X-034.524.680-1", "expected an ISWC"),
        (Isni, "0000 0001 2281 9551", "wrong check digit"),
        (Isni, "0000 0001 2281", "expected an ISNI"),
        (Isni, "X" * 16, "expected an ISNI"),
        (Language, "korean!", "expected a language tag"),
        (Language, "k", "expected a language tag"),
        (Language, "x-private", "expected a language tag"),
        (Territories, ["KR", "XX"], "expected a country"),
        (Territories, ["kr"], "expected a country"),
        (Territories, "KR", "expected worldwide, or a list"),
        (Territories, None, "expected worldwide, or a list"),
        (Territories, [], "at least 1 item"),
    ],
)
def test_what_is_not_well_formed_is_refused(kind: Any, written: Any, why: str) -> None:
    with pytest.raises(ValidationError) as raised:
        checked(kind, written)
    assert why in str(raised.value)


def test_a_changed_digit_is_always_noticed() -> None:
    for good, kind in (("000000012281955X", Isni), ("0345246801", Iswc)):
        prefix = "T" if kind is Iswc else ""
        for at in range(len(good) - 1):
            changed = good[:at] + str((int(good[at]) + 1) % 10) + good[at + 1 :]
            with pytest.raises(ValidationError, match="check digit"):
                checked(kind, prefix + changed)


def test_worldwide_is_none_and_is_written_as_a_word() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Territories)
    assert adapter.validate_python("worldwide") is None
    assert adapter.dump_python(None) == "worldwide"
    assert adapter.validate_python(["KR", "NO"]) == ("KR", "NO")
    assert adapter.validate_python(adapter.dump_python(("KR", "NO"))) == ("KR", "NO")


def test_the_address_of_an_isni() -> None:
    assert isni_url("000000012281955X") == "https://isni.org/isni/000000012281955X"
