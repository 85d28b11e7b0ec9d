"""How stored reports are answered with: the report itself, or its compact form."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import Request
from starlette.responses import Response

from provenance.findings import FindingCode
from provenance.records.disclosure import Disclosure, make_disclosure
from provenance.records.policies import PolicyProfile
from provenance.records.reports import StoredReport
from provenance.report import Report
from provenance.runtime.report_desk import Standing
from provenance.service.callers import parts_of
from provenance.service.problems import Problem, ProblemKind
from provenance.wording.languages import wishes

__all__ = [
    "disclosure_answer",
    "languages_of",
    "policy_of",
    "refuse_unreadable",
    "report_answer",
    "url_of",
]

_MAX_LANGUAGES = 10
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")


def url_of(request: Request, path: str) -> str:
    """The address of something here, as clients reach it."""
    public = parts_of(request).settings.service.public_url
    base = public or f"{request.url.scheme}://{request.headers['host']}"
    return f"{base.rstrip('/')}{path}"


def policy_of(request: Request, name: str | None) -> PolicyProfile:
    """The policy of this name, or the one that holds where none is named.

    Raises:
        Problem: There is none.
    """
    parts = parts_of(request)
    wanted = name or parts.settings.service.default_policy
    profile = parts.judges.profiles.get(wanted)
    if profile is None:
        raise Problem(ProblemKind.INVALID, "policy: there is none of this name")
    return profile


def refuse_unreadable(entry: StoredReport) -> None:
    """Tell whoever sent what is no media file at all so, instead of a verdict.

    Raises:
        Problem: It is one.
    """
    # The report was kept all the same; parsing it is only for those that could be it.
    if FindingCode.UNSUPPORTED_TYPE.value not in entry.document:
        return
    if entry.report.reason is FindingCode.UNSUPPORTED_TYPE:
        raise Problem(ProblemKind.UNSUPPORTED_CONTAINER)


def report_answer(
    request: Request, entry: StoredReport, *, standing: Standing | None = None, new: bool = False
) -> Response:
    """The report, byte for byte as it is stored."""
    headers = _stale(standing)
    if new:
        headers["Location"] = f"/v1/reports/{entry.id}"
    del request
    return Response(entry.document, media_type="application/json", headers=headers)


def _stale(standing: Standing | None) -> dict[str, str]:
    if standing is None or not standing.stale_because:
        return {}
    return {"Provenance-Stale": ", ".join(standing.stale_because)}


def disclosure_answer(
    request: Request, entry: StoredReport, *, standing: Standing | None = None, new: bool = False
) -> Response:
    """The compact form, in the language that is wanted most of those there are."""
    profile = parts_of(request).judges.profiles.get(entry.policy)
    if profile is None:
        raise Problem(ProblemKind.CONFLICT, "the policy of this report is there no more")
    document = disclosure_of(request, entry.report, profile, entry.id)
    headers = {
        "Content-Language": document.language,
        "Vary": "Accept-Language",
        **_stale(standing),
    }
    if new:
        headers["Location"] = f"/v1/disclosures/{entry.id}"
    return Response(document.model_dump_json(), media_type="application/json", headers=headers)


def disclosure_of(request: Request, report: Report, profile: PolicyProfile, id_: str) -> Disclosure:
    """The compact form of this report."""
    return make_disclosure(
        report,
        profile,
        id=id_,
        url=url_of(request, f"/v1/reports/{id_}"),
        languages=languages_of(request.headers.get("Accept-Language", "")),
    )


def languages_of(header: str) -> Sequence[str]:
    """Which languages are wanted, the most wanted first?

    Spec: RFC 9110 §12.5.4.
    """
    tags = [tag for tag in wishes(header) if _LANGUAGE.fullmatch(tag)]
    return tags[:_MAX_LANGUAGES]
