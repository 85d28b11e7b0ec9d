"""What everybody may read of moderation: decisions, guidelines, policies, numbers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from babel import Locale
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from provenance.errors import ConflictError, NotFoundError, TooOftenError
from provenance.moderation.appeals import ByUploader
from provenance.moderation.policies import PolicyDocument
from provenance.moderation.public_decisions import PublicDecision
from provenance.moderation.transparency import Count, TransparencyReport
from provenance.moderation.transparency_rows import read_transparency
from provenance.moderation.vocabulary import Category, ClockKind
from provenance.service.callers import Caller, caller_for, network_of, parts_of
from provenance.service.complaint_forms import LIMITS
from provenance.service.field_forms import receive_fields
from provenance.service.moderation_access import moderation_of, public_decisions_of
from provenance.service.page_answers import (
    is_own_site,
    message_page,
    page,
    wording_for,
)
from provenance.wording.languages import DEFAULT, Language, language_of
from provenance.wording.messages import Message, say

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Anybody = Annotated[Caller, Depends(caller_for(everybody=True))]
Token = Annotated[str, Query(max_length=400)]

_DECISION = re.compile(r"[A-Za-z0-9_-]{1,40}")
_FOR_MINUTES = {"Cache-Control": "public, max-age=300"}
# Whose end is a fault; the others only expire.
_CLOCKS = (
    ClockKind.ACKNOWLEDGE,
    ClockKind.INTIMATE_48H,
    ClockKind.DECIDE,
    ClockKind.ENFORCE,
)


@router.get("/decisions/{id_}")
async def decision(request: Request, caller: Anybody, id_: str, token: Token = "") -> Response:
    """What was decided and why; with the uploader's token, a form to appeal."""
    del caller
    return await _decision(request, id_, token=token)


@router.post("/decisions/{id_}")
async def appeal(request: Request, caller: Anybody, id_: str) -> Response:
    """Take an appeal of whoever uploaded."""
    del caller
    if not is_own_site(request):
        return message_page(request, "error.refused", "error.refused-text", status=403)
    moderation = moderation_of(request)
    fields = await receive_fields(request)
    token, text = fields.get("token", "")[:400], fields.get("appeal", "").strip()
    wrong = None
    if not text:
        wrong = say("wrong.text")
    elif len(text) > LIMITS["text"]:
        wrong = say("wrong.too-long", most=LIMITS["text"])
    if wrong is not None:
        return await _decision(request, id_, token=token, filled=text, wrong=wrong, status=422)
    now = parts_of(request).clock()
    try:
        _check_name(id_)
        await asyncio.to_thread(
            moderation.appeals.file,
            id_,
            by=ByUploader(token=token),
            text=text,
            now=now,
            address=network_of(request),
        )
    except NotFoundError:
        # A token of another decision, or of none.
        return _missing(request)
    except TooOftenError:
        return await _decision(
            request, id_, token=token, filled=text, notice="follow.locked", status=429
        )
    except ConflictError:
        return await _decision(request, id_, notice="follow.conflict", status=409)
    return await _decision(request, id_, notice="follow.appealed", status=201)


def _check_name(id_: str) -> None:
    """Make sure that a decision can be called so: not every text can be looked for.

    Raises:
        NotFoundError: None can.
    """
    if _DECISION.fullmatch(id_) is None:
        raise NotFoundError("decision: there is none of this name")


async def _decision(
    request: Request,
    id_: str,
    *,
    token: str = "",
    filled: str = "",
    notice: str | None = None,
    wrong: Message | None = None,
    status: int = 200,
) -> Response:
    moderation, wording = moderation_of(request), wording_for(request)
    try:
        _check_name(id_)
        found: PublicDecision = await asyncio.to_thread(
            public_decisions_of(request).get, id_, now=parts_of(request).clock()
        )
    except NotFoundError:
        return _missing(request)
    names = Locale.parse(wording.language.folder).territories
    return page(
        request,
        "decision.html",
        status=status,
        kept={"token": token},
        decision=found,
        policies=[
            _policy_link(policy, moderation.policies.get(policy), wording.language)
            for policy in found.policies
        ],
        territories=", ".join(names.get(code, code) for code in found.territories),
        none=("none",),
        token=token,
        filled=filled,
        notice=notice,
        errors={} if wrong is None else {"appeal": wrong},
        limits=LIMITS,
    )


def _missing(request: Request) -> Response:
    return message_page(request, "error.missing", "error.missing-text", status=404)


@router.get("/guidelines")
async def guidelines(request: Request) -> Response:
    """What is fine on a site which uses this, what is not, and what an answer means."""
    named = [category.value for category in Category if category is not Category.OTHER]
    return page(request, "guidelines.html", categories=named)


@router.get("/policies")
async def policies(request: Request) -> Response:
    """The policies that hold now."""
    language = wording_for(request).language
    book = moderation_of(request).policies
    current = book.current(now=parts_of(request).clock())
    return page(request, "policies.html", policies=[_described(one, language) for one in current])


@router.get("/policies/{name}/{version}")
async def policy(request: Request, name: str, version: str) -> Response:
    """One version of one policy, as it was decided under."""
    language = wording_for(request).language
    book = moderation_of(request).policies
    found = book.get(f"{name}@{version}")
    if found is None:
        return _missing(request)
    return page(
        request,
        "policy.html",
        policy={
            **_described(found, language),
            "paragraphs": found.words("text", language.tag).split("\n\n"),
            "actions": [action.value for action in found.allowed_actions],
            "second": found.needs_second,
            "grounds": [
                say(f"ground.{one.ground.value}", reference=one.reference) for one in found.grounds
            ],
            "versions": [_described(one, language) for one in book.versions(name)],
        },
    )


def _described(document: PolicyDocument, language: Language) -> dict[str, Any]:
    return {
        "title": document.words("title", language.tag),
        "version": document.version,
        "since": document.effective_from,
        "path": f"/policies/{document.name}/{document.version}",
        "lang": _spoken(document, language),
    }


def _spoken(document: PolicyDocument, language: Language) -> str | None:
    """The language its text is in, where that is not the page's."""
    written = {language_of(tag) for tag in document.text}
    return None if language in written else DEFAULT.tag


def _policy_link(id_: str, document: PolicyDocument | None, language: Language) -> dict[str, Any]:
    if document is None:
        return {"title": id_, "path": None, "lang": None}
    return _described(document, language)


@router.get("/transparency.json")
async def numbers(request: Request, caller: Anybody) -> Response:
    """The same numbers, for machines."""
    del caller
    report = await _report(request)
    return JSONResponse(report.model_dump(mode="json"), headers=_FOR_MINUTES)


@router.get("/transparency")
async def transparency(request: Request, caller: Anybody) -> Response:
    """How much was reported, decided and taken back, and how late."""
    del caller
    report = await _report(request)
    return page(
        request,
        "transparency.html",
        begins=report.begins_at,
        # The last day of the period; the moment itself is no longer in it.
        ends=report.ends_at - timedelta(days=1),
        tables=_tables(report),
    )


async def _report(request: Request) -> TransparencyReport:
    now = parts_of(request).clock()
    # Whole months: from numbers that change every day, a single complaint could be made out.
    ends_at = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return await asyncio.to_thread(
        read_transparency,
        moderation_of(request).office.engine,
        begins_at=ends_at.replace(year=ends_at.year - 1),
        ends_at=ends_at,
    )


def _tables(report: TransparencyReport) -> list[dict[str, Any]]:
    def counts(prefix: str, counted: Mapping[Any, Count]) -> list[dict[str, Any]]:
        return [_row(f"{prefix}.{word.value}", value) for word, value in counted.items()]

    return [
        _table(
            "complaints",
            [
                _row("numbers.total", report.complaints),
                *counts("category", report.complaints_by_category),
                _row("numbers.trusted", report.complaints_trusted),
            ],
        ),
        _table(
            "decisions",
            [
                _row("numbers.total", report.decisions),
                *counts("outcome", report.decisions_by_outcome),
                _row("numbers.machine", report.decisions_detected_by_machine),
            ],
        ),
        _table("actions", counts("action", report.actions)),
        _table(
            "hours",
            [
                _row(f"grade.{grade.value}", hours)
                for grade, hours in report.median_hours_to_decision.items()
            ],
        ),
        _table(
            "appeals",
            [
                _row("numbers.total", report.appeals),
                *counts("appealed", report.appeals_by_outcome),
                _row("numbers.overturned", report.overturned_percent),
            ],
        ),
        _table(
            "clocks",
            [
                _row(f"clock.{kind.value}", report.clocks_met[kind], report.clocks_breached[kind])
                for kind in _CLOCKS
            ],
            heads=("numbers.met", "numbers.missed"),
        ),
    ]


def _table(
    name: str, rows: Sequence[Mapping[str, Any]], *, heads: Iterable[str] = ()
) -> dict[str, Any]:
    return {"id": name, "title": f"numbers.{name}", "heads": tuple(heads), "rows": rows}


def _row(label: str, *values: Count | float | None) -> dict[str, Any]:
    return {"label": label, "cells": tuple(map(_value, values))}


def _value(value: Count | float | None) -> Message:
    if value == "<5":
        return say("numbers.small")
    if value is None or value == "not-told":
        return say("numbers.untold")
    return say("plain", value=str(value))
