"""Which words of a name only say what kind of company it is, or that it is the official one?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

__all__ = ["CompanyKinds"]

# ruff: noqa: RUF001 - the Cyrillic and Greek letters are meant
# In front of the name.
_BEFORE = (
    "the|official|officiel|oficial|pt|cv|ооо|оао|зао|пао|ао|주|유|주식회사|유한회사|공식"
    "|株|有|株式会社|株式會社|有限会社|合同会社|公式|官方|บริษัท|شركة"
)
# Behind it.
_AFTER = (
    "co|company|corp|corporation|inc|incorporated|ltd|limited|llc|l l c|llp|l l p|lp|plc|p l c"
    "|pte|pty|pvt|tbk|bhd|sdn bhd|gmbh|ag|kg|ohg|ug|se|sa|s a|sas|s a s|sarl|s a r l|srl|s r l"
    "|spa|s p a|sl|s l|bv|b v|nv|n v|ab|aps|oy|oyj|kft|sp z o o|doo|d o o|kk|k k|yk|y k"
    "|kabushiki kaisha|jusik hoesa|yuhan hoesa|ооо|зао|αε|α ε|official|officiel|oficial"
    "|주|유|주식회사|유한회사|공식|株|有|株式会社|株式會社|有限会社|合同会社|公式|官方"
    "|公司|有限公司|股份有限公司|集团|集團|จำกัด|มหาชน|المحدودة"
)
# These stand without a space.
_GLUED = (
    "주식회사|유한회사|공식|株式会社|株式會社|有限会社|合同会社|公式|官方"
    "|股份有限公司|有限责任公司|有限責任公司|有限公司|集团|集團"
)
# Words of the longest of them.
_LONGEST = 4


class CompanyKinds:
    """The kinds of company in one way of writing.

    Args:
        write: Writes a word that way: in small letters, as its skeleton.
    """

    def __init__(self, write: Callable[[str], str]) -> None:
        self._write = write
        self._before = self._read(_BEFORE)
        self._after = self._read(_AFTER)
        # The longest first, so that none is mistaken for the end of another.
        self._glued = sorted((word for (word,) in self._read(_GLUED)), key=len, reverse=True)

    def _read(self, kinds: str) -> set[tuple[str, ...]]:
        return {tuple(self._write(word) for word in kind.split()) for kind in kinds.split("|")}

    def take_off(self, words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words of the name itself, and those around it.

        A name that is nothing but kinds of company is left as it is.
        """
        words = [self._write(word) for word in words]
        first, last = 0, len(words)
        while count := _matching(self._before, words[first : min(first + _LONGEST, last)], 0):
            first += count
        while count := _matching(self._after, words[max(first, last - _LONGEST) : last], 1):
            last -= count
        if first == last:
            return tuple(words), ()
        core, beside = words[first:last], words[:first] + words[last:]
        for glued in self._glued:
            if core[0].startswith(glued) and core != [glued]:
                core[0] = core[0].removeprefix(glued)
                beside.append(glued)
            if core[-1].endswith(glued) and core != [glued]:
                core[-1] = core[-1].removesuffix(glued)
                beside.append(glued)
        return tuple(word for word in core if word), tuple(sorted(beside))


def _matching(kinds: Collection[tuple[str, ...]], words: Sequence[str], end: Literal[0, 1]) -> int:
    """How many words at this end are a kind of company? As many as possible."""
    for count in range(len(words), 0, -1):
        if tuple(words[-count:] if end else words[:count]) in kinds:
            return count
    return 0
