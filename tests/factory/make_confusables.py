"""Write `provenance/trust/confusable_data.py` anew, from the ICU library of this machine.

    python -m tests.factory.make_confusables VERSION > provenance/trust/confusable_data.py

VERSION is ICU's major version, as in `libicui18n.so.72`. ICU carries the Unicode
Consortium's `confusables.txt` and answers with the skeleton of a text; asked for each
character alone it gives the table back.

Spec: UTS 39 §4, "Confusable Detection".
"""

from __future__ import annotations

import ctypes
import sys
import unicodedata
from collections.abc import Callable

_HEAD = '''"""Which character looks like which: the data of UTS 39, as prototype and look-alikes.

Written by `tests/factory/make_confusables.py` from the data of Unicode {version}; do not
edit. Only what compatibility decomposition (NFKC) leaves apart is in it.

Source: https://www.unicode.org/Public/security/{version}/confusables.txt
Licence: Unicode-DFS-2016, https://www.unicode.org/license.txt
"""

# Copyright (C) 1991-2022 Unicode, Inc. All rights reserved.
# Distributed under the Terms of Use in https://www.unicode.org/copyright.html.
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of the Unicode
# data files and any associated documentation (the "Data Files") or Unicode software and any
# associated documentation (the "Software") to deal in the Data Files or Software without
# restriction, including without limitation the rights to use, copy, modify, merge, publish,
# distribute, and/or sell copies of the Data Files or Software, and to permit persons to whom
# the Data Files or Software are furnished to do so, provided that either (a) this copyright
# and permission notice appear with all copies of the Data Files or Software, or (b) this
# copyright and permission notice appear in associated Documentation.
#
# THE DATA FILES AND SOFTWARE ARE PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
# IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
# PARTICULAR PURPOSE AND NONINFRINGEMENT OF THIRD PARTY RIGHTS. IN NO EVENT SHALL THE COPYRIGHT
# HOLDER OR HOLDERS INCLUDED IN THIS NOTICE BE LIABLE FOR ANY CLAIM, OR ANY SPECIAL INDIRECT OR
# CONSEQUENTIAL DAMAGES, OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS,
# WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN
# CONNECTION WITH THE USE OR PERFORMANCE OF THE DATA FILES OR SOFTWARE.
#
# Except as contained in this notice, the name of a copyright holder shall not be used in
# advertising or otherwise to promote the sale, use or other dealings in these Data Files or
# Software without prior written authorization of the copyright holder.

from __future__ import annotations

__all__ = ["PROTOTYPES"]

# One prototype a piece, as `prototype:look-alike,...`, code points in hexadecimal.
_TABLE = """
'''

_TAIL = '''"""


def _read(table: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for row in table.split():
        prototype, _, others = row.partition(":")
        text = "".join(chr(int(point, 16)) for point in prototype.split("."))
        found |= {int(point, 16): text for point in others.split(",")}
    return found


PROTOTYPES = _read(_TABLE)
"""By code point, what a character looks like; for `str.translate`."""
'''


def _skeleton_by(icu: int) -> Callable[[str], str]:
    library = ctypes.CDLL(f"libicui18n.so.{icu}")
    status = ctypes.c_int(0)
    opener = getattr(library, f"uspoof_open_{icu}")
    opener.restype = ctypes.c_void_p
    checker = ctypes.c_void_p(opener(ctypes.byref(status)))
    ask = getattr(library, f"uspoof_getSkeletonUTF8_{icu}")

    def skeleton(text: str) -> str:
        data = text.encode()
        room = ctypes.create_string_buffer(256)
        length = ask(
            checker, ctypes.c_uint32(0), data, len(data), room, len(room), ctypes.byref(status)
        )
        if status.value > 0:
            raise RuntimeError(f"ICU error {status.value} for {text!r}")
        return room.raw[:length].decode()

    return skeleton


def _unicode_version(icu: int) -> str:
    library = ctypes.CDLL(f"libicuuc.so.{icu}")
    version = (ctypes.c_uint8 * 4)()
    getattr(library, f"u_getUnicodeVersion_{icu}")(version)
    return ".".join(str(part) for part in version[:3])


def _table(skeleton: Callable[[str], str]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for point in range(0x110000):
        character = chr(point)
        # Format, control, private and unassigned characters and surrogates are taken out
        # of a name before; composed characters never come up.
        if unicodedata.category(character).startswith("C"):
            continue
        if any(unicodedata.normalize(form, character) != character for form in ("NFKC", "NFD")):
            continue
        looks_like = skeleton(character)
        if looks_like != character:
            rows.setdefault(looks_like, []).append(character)
    return rows


def _lines(rows: dict[str, list[str]]) -> list[str]:
    lines = [""]
    for prototype, others in rows.items():
        shown = ".".join(f"{ord(c):x}" for c in prototype)
        row = f"{shown}:{','.join(f'{ord(c):x}' for c in others)}"
        if len(lines[-1]) + len(row) > 98:
            lines.append("")
        # A prototype with many look-alikes goes over more than one row.
        while len(row) > 98:
            cut = row.rindex(",", 0, 98)
            lines[-1:] = [row[:cut], ""]
            row = f"{shown}:{row[cut + 1 :]}"
        lines[-1] += f" {row}" if lines[-1] else row
    return [line for line in lines if line]


def main() -> None:
    icu = int(sys.argv[1])
    lines = _lines(_table(_skeleton_by(icu)))
    sys.stdout.write(_HEAD.format(version=_unicode_version(icu)))
    sys.stdout.write("\n".join(lines))
    sys.stdout.write("\n" + _TAIL)


if __name__ == "__main__":
    main()
