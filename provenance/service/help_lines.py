"""Where there is help for somebody who complains: few places, each for what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.moderation.vocabulary import Category
from provenance.wording.languages import Language
from provenance.wording.messages import Message, say

__all__ = ["HelpLine", "first_words", "help_lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLine:
    """One place.

    Attributes:
        name: What it calls itself.
        url: Where it is.
        says: What it does.
    """

    name: str
    url: str
    says: Message


_STOPNCII = HelpLine(name="StopNCII.org", url="https://stopncii.org/", says=say("help.stopncii"))
_TAKE_IT_DOWN = HelpLine(
    name="Take It Down", url="https://takeitdown.ncmec.org/", says=say("help.take-it-down")
)
_INHOPE = HelpLine(name="INHOPE", url="https://www.inhope.org/", says=say("help.inhope"))
_CHILD_HELPLINE = HelpLine(
    name="Child Helpline International",
    url="https://childhelplineinternational.org/",
    says=say("help.child-helpline"),
)
_D4U = HelpLine(
    name="디지털성범죄피해자지원센터", url="https://d4u.stop.or.kr/", says=say("help.d4u")
)
# It answers in Korean.
_KOREAN = "ko"

_LINES: Mapping[Category, tuple[HelpLine, ...]] = {
    Category.INTIMATE_IMAGE: (_D4U, _STOPNCII, _TAKE_IT_DOWN),
    Category.CHILD_SAFETY: (_INHOPE, _TAKE_IT_DOWN, _CHILD_HELPLINE),
    Category.HARASSMENT: (_CHILD_HELPLINE,),
}
_FIRST: Mapping[Category, tuple[str, ...]] = {
    Category.INTIMATE_IMAGE: ("help.fault", "help.adult"),
    Category.CHILD_SAFETY: ("help.fault", "help.adult"),
    Category.HARASSMENT: ("help.fault", "help.adult"),
    Category.PRIVACY: ("help.fault", "help.adult"),
    Category.FRAUD: ("help.bank",),
}


def first_words(category: Category) -> tuple[Message, ...]:
    """What is said before any place: kindly, and whom to call in danger."""
    return tuple(say(key) for key in (*_FIRST.get(category, ()), "help.danger"))


def help_lines(
    category: Category, language: Language, own: Sequence[str] = ()
) -> tuple[HelpLine, ...]:
    """Which places help here?

    Args:
        category: What was reported.
        language: Of the reader.
        own: The operator's places, `NAME https://ADDRESS`; where there are any, ours are not shown.
    """
    if own:
        named = (entry.rpartition(" ") for entry in own)
        return tuple(HelpLine(name=name, url=url, says=say("help.more")) for name, _, url in named)
    return tuple(
        line for line in _LINES.get(category, ()) if line is not _D4U or language.tag == _KOREAN
    )
