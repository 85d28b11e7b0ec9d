"""What gives away who somebody is, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ConflictError
from provenance.moderation.personal_data import (
    PersonalData,
    find_personal_data,
    refuse_personal_data,
)

P = PersonalData


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to minji.kim@mail.example please", (P.EMAIL,)),
        ("minji\uff20mail.example", (P.EMAIL,)),
        ("call 010-1234-5678", (P.TELEPHONE,)),
        ("call +82 10 1234 5678", (P.TELEPHONE,)),
        ("call (02) 345-6789 now", (P.TELEPHONE,)),
        ("ask @nova9.fan about it", (P.ACCOUNT,)),
        ("number 990101-2345678", (P.IDENTITY_NUMBER,)),
        ("see https://social.example/@nova/1", (P.USER_ADDRESS,)),
        ("see https://social.example/user/minji", (P.USER_ADDRESS,)),
        ("see https://minji:pw@host.example/a", (P.USER_ADDRESS,)),
        ("see https://host.example/?to=a%40b.example", (P.USER_ADDRESS,)),
        ("see www.social.example/~minji", (P.USER_ADDRESS,)),
        ("a@b.example or 010-1234-5678", (P.EMAIL, P.TELEPHONE)),
    ],
)
def test_what_is_found(text: str, found: tuple[PersonalData, ...]) -> None:
    assert find_personal_data(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The picture shows a person of NOVA9 and was made by a machine.",
        "Uploaded on 2026-05-01, reported on 2026.05.02. 12:30.",
        "Regulation (EU) 2022/2065, Art. 16 (5)",
        "see https://video.example/watch/123456789012",
        (
            "Release NOVA9-2026-11, SHA-256 "
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
        "제44조의2 제4항에 따른 임시조치, 30일",
        "distance 14 of 256 bits, 1920 x 1080",
    ],
)
def test_what_is_none(text: str) -> None:
    assert find_personal_data(text) == ()


@given(
    st.from_regex(r"[a-z]{1,10}(\.[a-z]{1,5})?", fullmatch=True),
    st.from_regex(r"[a-z]{1,10}\.(example|test)", fullmatch=True),
    st.text(max_size=20).filter(lambda text: "@" not in text and "\uff20" not in text),
)
def test_no_address_hides_between_other_words(name: str, host: str, other: str) -> None:
    assert P.EMAIL in find_personal_data(f"{other} {name}@{host} {other}")


@given(st.text(max_size=300))
def test_any_text_is_looked_through(text: str) -> None:
    assert set(find_personal_data(text)) <= set(PersonalData)


def test_the_refusal_names_the_field_and_repeats_nothing() -> None:
    with pytest.raises(ConflictError, match="facts: expected no personal data") as caught:
        refuse_personal_data([("reference", None), ("facts", "mail to minji@mail.example")])
    assert "minji" not in str(caught.value)
    refuse_personal_data([("facts", "nothing of the kind")])
