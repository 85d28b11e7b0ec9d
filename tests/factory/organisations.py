"""Names of organisations that do not exist, in several languages, and of one hundred agencies.

Made by putting invented words in front of, or behind, what such organisations call
themselves. Nothing here is meant to be anybody.
"""

# ruff: noqa: RUF001 - letters of many scripts are meant

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from provenance.trust.directory import LoadedDirectory, parse_directory

__all__ = ["COMMON_WORDS", "NAMES", "agencies", "directory"]

COMMON_WORDS = (
    "Entertainment",
    "ENTERTAINMENT",
    "Aurora",
    "Aurora Borealis",
    "Aurora Records",
    "Official",
    "The Official",
    "NOVA",
    "NOVA9",
    "Nova Entertainment",
    "Press Room",
    "Co., Ltd.",
    "Inc.",
    "주식회사",
    "공식",
    "엔터테인먼트",
    "오로라",
    "オーロラ",
    "株式会社",
    "Photo",
    "IMG_0001.jpg",
    "stage lights",
    "Untitled",
    "c2pa-rs",
    "Aurora Entertainment TEST root",
    "Not Aurora Entertainment",
    "Aurora and Entertainment",
    "Aurora Entertainment Fan Club",
    "",
    " ",
    "\u200b",
    "-",
    "A",
    "가",
)
"""Words that names are made of, and texts that stand where names do."""

_LATIN = (
    "Velmara Tindrel Ostavia Quorrin Bramsel Ildeno Farrowick Zenthia Morvanne Kestrane "
    "Luvira Pellandor Sarnico Wexley Hollmark Dovrenne Yarrowby Calvesta Nordhavn Trisolde"
)
_KOREAN = "가온빛 나래솔 다온길 라움달 마루별 바른샘 사랑찬 아름새 자람터 차온누 하늬강 도담숲"
_JAPANESE = "ミナヅキ アオナギ ツキシロ ハルカゼ ヒノモリ カスミノ ソラマチ 星凪 月代 風野"
_CHINESE = "云澜 星渊 月汐 青岚 墨棠 沐川 锦瑟 朗然"
_CYRILLIC = "Велмара Тиндрель Остава Зентия Морванна Лувира Сарнико Довренна"
_GREEK = "Βελμάρα Τινδρέλ Ζενθία Μορβάνα Λουβίρα Σαρνίκο"
_ARABIC = "فلمارا تندريل زنثيا لوفيرا سارنيكو"
_THAI = "เวลมารา ทินเดรล เซนเธีย ลูวีรา"
_HINDI = "वेलमारा तिंद्रेल ज़ेंथिया लुवीरा"

_KINDS: Sequence[tuple[str, str]] = (
    (
        _LATIN,
        (
            "{} Entertainment|{} Records|{} Media Group|{} Pictures Ltd.|{} News Agency"
            "|{} Photo GmbH|Studio {}|{} & Sons|University of {}|{} Broadcasting Corp."
            "|Agence {}|Fundación {}"
        ),
    ),
    (_KOREAN, "{} 엔터테인먼트|주식회사 {}|{}미디어|(주){} 뮤직|{}방송|{}신문사|{} 스튜디오"),
    (_JAPANESE, "株式会社{}|{}エンターテインメント|{}レコード|{}放送|{}新聞社"),
    (_CHINESE, "{}文化有限公司|{}娱乐|{}影业|{}传媒集团|{}唱片"),
    (_CYRILLIC, "ООО {}|Студия {}|{} Медиа|Издательство {}"),
    (_GREEK, "{} Α.Ε.|Εκδόσεις {}|{} Ραδιοφωνία"),
    (_ARABIC, "شركة {}|{} للإنتاج|مؤسسة {}"),
    (_THAI, "บริษัท {} จำกัด|{} มีเดีย"),
    (_HINDI, "{} फ़िल्म्स|{} मीडिया"),
)

# Those that no pattern makes.
_SINGLE = (
    "Glasswing & Thorn|Seven Lanterns|Paper Kite Collective|Little Harbour Sound|Plan Nine Arts"
    "|Tin Whistle Radio|O'Malvern Brothers|Saint-Orvane Presse|Kuu & Kuu Oy|Bjørkelund Foto AS"
    "|Łąkowa Wytwórnia|Çınaraltı Yapım|Żuraw Studio|Ñandú Films S.A.|Ærøvig Lyd ApS|Örtmark AB"
    "|The Quiet Signal Company|Fifth Meridian|Copper Owl LLC|Moss Garden Inc.|Zwölf Türme GmbH"
)


def _made() -> list[str]:
    names = [
        kind.format(word)
        for words, kinds in _KINDS
        for kind, word in product(kinds.split("|"), words.split())
    ]
    # Nearly the sample agency, and not it.
    near = (
        "Aurelia Entertainment|Arora Entertainment|Aurora Enterprise|Aurora Theatre Company"
        "|Amora Entertainment|Aurora Entertainers|Aurorae Entertainment|Laurora Entertainment"
        "|Entertainment Aurora Nights|오로지 엔터테인먼트|오로라 뮤직|새오로라 엔터테인먼트"
    )
    return [*names, *_SINGLE.split("|"), *near.split("|")]


NAMES: Sequence[str] = tuple(_made())
"""At least five hundred names, each another organisation's."""


def agencies(count: int = 100) -> list[dict[str, Any]]:
    """The sample agency, and others that share common words with everybody."""
    first: dict[str, Any] = {
        "id": "aurora",
        "names": [
            {"language": "en", "name": "Aurora Entertainment"},
            {"language": "ko", "name": "오로라 엔터테인먼트"},
            {"language": "ja", "name": "オーロラ・エンターテインメント"},
        ],
        "transliterations": ["Orora Enteoteinmeonteu"],
    }
    sounds = product(
        ("Bel", "Cor", "Dun", "Fel", "Gar", "Hol", "Jas", "Kem"), ("avo", "iste", "uri")
    )
    kinds = ("Entertainment", "Records Inc.", "Media", "Pictures", "Music Co., Ltd.")
    others = [
        {
            "id": f"agency-{number}",
            "names": [
                {"language": "en", "name": f"{''.join(sound)} {kind}"},
                {"language": "ko", "name": f"주식회사 가나{chr(0xAC00 + 28 * number)}"},
            ],
        }
        for number, (sound, kind) in enumerate(product(sounds, kinds))
    ]
    return [first, *others[: count - 1]]


def directory(entries: Sequence[Mapping[str, Any]]) -> LoadedDirectory:
    """A directory of these agencies, without keys."""
    document = {
        "schema_version": "1",
        "name": "Names",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "agencies": list(entries),
    }
    return parse_directory(json.dumps(document).encode(), where="names", source="made by a test")
