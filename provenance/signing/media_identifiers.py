"""Names that standards give to recordings, works, people, countries and languages: well-formed?

Sources: ISO 3901 (ISRC); ISO 15707 (ISWC, check digit in its annex); ISO 27729 (ISNI) with
ISO/IEC 7064 MOD 11-2; ISO 3166-1 alpha-2; RFC 5646 §2.1 (language tags).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

__all__ = ["Isni", "Isrc", "Iswc", "Language", "Territories", "isni_url"]

_ISRC = re.compile("[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_ISWC = re.compile(r"T([0-9]{9})([0-9])")
_ISNI = re.compile("[0-9]{15}[0-9X]")
# Language, script, region, variants; extensions and private use are not for titles.
_LANGUAGE = re.compile(
    "[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
)

_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
    "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
    "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS YE YT ZA ZM ZW"
)
_COUNTRIES = frozenset(_CODES.split())
_WORLDWIDE = "worldwide"


def _plain(value: object, also: str = "") -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")  # noqa: TRY004 - pydantic takes no TypeError
    return re.sub(rf"[\s{also}-]", "", value[:100]).upper()


def _isrc(value: object) -> str:
    plain = _plain(value)
    if not _ISRC.fullmatch(plain):
        raise ValueError("expected an ISRC such as KR-A1B-26-00001")
    return plain


def _iswc(value: object) -> str:
    match = _ISWC.fullmatch(_plain(value, also="."))
    if not match:
        raise ValueError("expected an ISWC such as T-123.456.789-4")
    digits, check = match.groups()
    total = 1 + sum(place * int(digit) for place, digit in enumerate(digits, start=1))
    if (total + int(check)) % 10:
        raise ValueError("this ISWC has a wrong check digit")
    return f"T-{digits[:3]}.{digits[3:6]}.{digits[6:]}-{check}"


def _isni(value: object) -> str:
    plain = _plain(value)
    if not _ISNI.fullmatch(plain):
        raise ValueError("expected an ISNI of 16 digits, such as 0000 0001 2281 955X")
    total = 0
    for digit in plain[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    if plain[15] != ("X" if check == 10 else str(check)):
        raise ValueError("this ISNI has a wrong check digit")
    return plain


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("expected a language tag (BCP 47) such as ko or zh-Hant")
    return value


def _country(value: str) -> str:
    if value not in _COUNTRIES:
        raise ValueError("expected a country (ISO 3166-1 alpha-2) such as KR")
    return value


def _territories(value: Any) -> Any:
    if value == _WORLDWIDE:
        return None
    if value is None or isinstance(value, str):
        raise ValueError("expected worldwide, or a list of countries (ISO 3166-1 alpha-2)")
    return value


def _written(value: tuple[str, ...] | None) -> Any:
    return _WORLDWIDE if value is None else list(value)


def isni_url(isni: str) -> str:
    """Under which address is this ISNI known?"""
    return f"https://isni.org/isni/{isni}"


Isrc = Annotated[str, BeforeValidator(_isrc), WithJsonSchema({"type": "string"})]
"""A recording, as twelve characters without hyphens."""

Iswc = Annotated[str, BeforeValidator(_iswc), WithJsonSchema({"type": "string"})]
"""A musical work, as it is printed."""

Isni = Annotated[str, BeforeValidator(_isni), WithJsonSchema({"type": "string"})]
"""A public identity, as sixteen characters without spaces."""

Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
"""A language, BCP 47."""

Territories = Annotated[
    tuple[
        Annotated[str, Field(min_length=2, max_length=2), AfterValidator(_country)],
        ...,
    ]
    | None,
    Field(min_length=1, max_length=260),
    BeforeValidator(_territories),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": _WORLDWIDE},
                {"type": "array", "minItems": 1, "items": {"enum": sorted(_COUNTRIES)}},
            ]
        }
    ),
]
"""Countries; `None` is worldwide."""
