"""A report as lines for a person: 80 columns, nothing that only colour says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from provenance.cli.moments import moment_text
from provenance.cli.render_consent import consent_texts
from provenance.cli.render_release import release_text, resemblance_text
from provenance.cli.terminal import COLUMNS, clipped, paint, printable, quoted, wrap
from provenance.findings import Severity
from provenance.report import AiFacts, DirectoryRef, Finding, Part, Report, Signer, SigningTime
from provenance.verdict import AiState, IntegrityState, SignerKind, TimeState, Verdict

__all__ = ["render_heading", "render_report", "signer_text", "time_text"]

TEST_LINE = "TEST: judged with a directory made for trials; it means nothing outside a trial"

# No sign is only a colour, and none is green or red for what nobody checked.
_SIGNS: dict[Verdict, tuple[str, tuple[str, ...]]] = {
    Verdict.ALTERED: ("[x]", ("bold", "red")),
    Verdict.OFFICIAL: ("[+]", ("bold", "green")),
    Verdict.OFFICIAL_WITHDRAWN: ("[!]", ("bold", "yellow")),
    Verdict.LOOKALIKE: ("[~]", ("bold", "yellow")),
    Verdict.SIGNED: ("[s]", ("bold", "cyan")),
    Verdict.SIGNED_UNRECOGNISED: ("[-]", ("bold",)),
    Verdict.UNDETERMINED: ("[?]", ("bold", "yellow")),
    Verdict.UNVERIFIED: ("[ ]", ("bold",)),
}
_SEVERITIES: dict[Severity, tuple[str, ...]] = {
    Severity.PASSED: ("green",),
    Severity.INFO: ("dim",),
    Severity.WARNING: ("yellow",),
    Severity.FAILURE: ("red",),
}
_LABEL_COLUMNS = 12
_MAX_LISTED = 3


def render_report(report: Report, *, name: str, colour: bool, explain: bool = False) -> str:
    """Which lines tell a person what this report says?

    Args:
        report: The report.
        name: What to call the file: the path as the person gave it.
        colour: Whether the lines may carry colour; they say the same without.
        explain: Every finding, the evidence and what was judged with.
    """
    lines = [*render_heading(report, name=name, colour=colour), *_facts(report)]
    if explain:
        lines += _all_findings(report.findings, colour=colour)
    else:
        lines += _notable_findings(report.findings, colour=colour)
    lines += _not_checked(report, explain=explain)
    if explain:
        lines += _recovery(report)
        lines += _context(report)
    return "\n".join(lines)


def render_heading(report: Report, *, name: str, colour: bool) -> Iterator[str]:
    """Which lines name the file and its verdict? TEST stands in front of everything."""
    if report.test:
        yield paint(TEST_LINE, "bold", "yellow", colour=colour)
    # On one line: a name that wraps could go on with what looks like a verdict.
    yield paint(clipped(printable(name), COLUMNS), "bold", colour=colour)
    sign, styles = _SIGNS[report.verdict]
    label = f"{sign} {report.verdict.value}"
    first, *others = wrap(printable(report.summary), first=f"  {label}: ", rest="      ")
    yield first.replace(label, paint(label, *styles, colour=colour), 1)
    yield from others


def _line(label: str, text: str) -> list[str]:
    first = f"  {label:<{_LABEL_COLUMNS}}"
    return wrap(text, first=first)


def _facts(report: Report) -> Iterator[str]:
    kind = report.asset.media_type or "type not known"
    yield from _line("File", f"{printable(kind)}, {_bytes(report.asset.size_bytes)}")
    if report.integrity.remote_url:
        yield from _line("Credentials", f"says they are at {quoted(report.integrity.remote_url)}")
    if report.manifest is not None or report.signer.kind is not SignerKind.NONE:
        yield from _line("Signer", _signer(report))
        yield from _line("Signed", time_text(report.time))
        yield from _line("Revocation", _state(report.revocation.state, report.revocation.why))
        yield from _line("Release", release_text(report.release))
        yield from _line("Coverage", _coverage(report))
        yield from _line("AI", _ai(report.ai))
        for text in consent_texts(report.ai):
            yield from _line("Consent", text)
        yield from _line("Made from", _ingredients(report))
    elif report.ai.unsigned_claims:
        yield from _line("AI", _ai(report.ai))
    for lead in report.resemblance[:_MAX_LISTED]:
        yield from _line("Resembles", resemblance_text(lead))


def _bytes(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"


def _state(state: str, why: str) -> str:
    return printable(f"{state.replace('-', ' ')}: {why}" if why else state.replace("-", " "))


def _signer(report: Report) -> str:
    text = signer_text(report.signer)
    if report.integrity.state is IntegrityState.ALTERED:
        # A name beside altered bytes reads as if its owner had signed them.
        text += "; for other bytes than these"
    return text


def signer_text(signer: Signer) -> str:
    """Who signed, in words? Names that only the signer vouches for are quoted."""
    certificate = signer.certificate
    says = None
    if certificate is not None:
        says = certificate.says_organization or certificate.says_common_name
    parts = []
    match signer.kind:
        case SignerKind.AGENCY if signer.agency is not None:
            parts.append(f"{printable(signer.agency.name)}, an agency of the directory")
        case SignerKind.LISTED:
            parts.append("vouched for by a trust list, not an agency of the directory")
        case SignerKind.NONE:
            parts.append("none")
        case _:
            parts.append("not recognised")
    if signer.recognised_by:
        parts.append(f"matched {printable(signer.recognised_by)}")
    if signer.disowned_by is not None:
        parts.append(f"the key does not count for {printable(signer.disowned_by.name)}")
    if signer.kind is not SignerKind.AGENCY and says:
        parts.append(f"certificate says {quoted(says)}")
    if signer.says_product:
        parts.append(f"product says {quoted(signer.says_product)}")
    return "; ".join(parts)


def time_text(time: SigningTime) -> str:
    """When was it signed, in words that say who vouches for that?"""
    authority = f"; authority says {quoted(time.authority)}" if time.authority else ""
    if time.state is TimeState.TRUSTED and time.trusted_at is not None:
        return f"{moment_text(time.trusted_at)}, attested by a recognised time-stamp{authority}"
    if time.state is TimeState.CLAIMED and time.claimed_at is not None:
        return f"{moment_text(time.claimed_at)}, claimed, not proven{authority}"
    return "at a time that is not known"


def _coverage(report: Report) -> str:
    coverage = report.coverage
    if coverage.binding is None:
        return "not known"
    if not coverage.uncovered:
        exempt = f", {len(coverage.exempt)} exempt by its format" if coverage.exempt else ""
        return (
            f"{_bytes(coverage.covered_bytes)} signed, "
            f"{_bytes(coverage.manifest_bytes)} of credentials{exempt}"
        )
    parts = "; ".join(_part(part) for part in coverage.uncovered[:_MAX_LISTED])
    more = len(coverage.uncovered) - _MAX_LISTED
    total = sum(part.size_bytes for part in coverage.uncovered)
    return f"{_bytes(total)} not signed by anybody: {parts}" + (
        f"; and {more} more parts" if more > 0 else ""
    )


def _part(part: Part) -> str:
    return f"{part.size_bytes:,} from byte {part.offset:,}, {quoted(part.label)}"


def _ai(ai: AiFacts) -> str:
    text = {
        AiState.NOT_DECLARED: "not declared",
        AiState.PARTLY: "made in part by a trained model",
        AiState.FULLY: "made by a trained model",
    }[ai.state]
    if ai.models:
        text += f"; says {_some(ai.models)}"
    if ai.unsigned_claims:
        text += f"; unsigned data says {_some(ai.unsigned_claims)}"
    return text


def _some(texts: Iterable[str]) -> str:
    texts = tuple(texts)
    more = len(texts) - _MAX_LISTED
    return ", ".join(map(quoted, texts[:_MAX_LISTED])) + (f" and {more} more" if more > 0 else "")


def _ingredients(report: Report) -> str:
    count = len(report.ingredients)
    if not count:
        return "nothing declared"
    text = f"{count} ingredient{'' if count == 1 else 's'}"
    doubtful = sum(i.state in {"failed", "missing", "unreadable"} for i in report.ingredients)
    if doubtful:
        text += f", {doubtful} with credentials that do not hold"
    recorded = sum(bool(i.recorded_failures) for i in report.ingredients)
    if recorded:
        # Often no more than that its signer was on no list at the time.
        text += f", {recorded} with failures that its user wrote down"
    return text


def _finding_lines(finding: Finding, *, colour: bool) -> list[str]:
    label = finding.severity.value
    lines = wrap(
        printable(f"{finding.text} ({finding.code.value})"), first=f"  {label:<{_LABEL_COLUMNS}}"
    )
    lines[0] = lines[0].replace(
        label, paint(label, *_SEVERITIES[finding.severity], colour=colour), 1
    )
    return lines


def _notable_findings(findings: Iterable[Finding], *, colour: bool) -> Iterator[str]:
    for finding in findings:
        # What TEST means is said in the first line.
        if finding.code.value != "test-directory" and finding.severity in {
            Severity.WARNING,
            Severity.FAILURE,
        }:
            yield from _finding_lines(finding, colour=colour)


def _all_findings(findings: Iterable[Finding], *, colour: bool) -> Iterator[str]:
    for finding in findings:
        yield from _finding_lines(finding, colour=colour)
        if finding.evidence:
            evidence = json.dumps(finding.evidence, ensure_ascii=False, default=str)
            yield from wrap(printable(evidence), first=" " * (_LABEL_COLUMNS + 4))


def _recovery(report: Report) -> Iterator[str]:
    for step in report.recovery:
        place = step.place.replace("register-bytes", "register, these bytes")
        place = place.replace("register-binding", "register, soft binding")
        yield from _line("Looked in", printable(f"{place}: {step.outcome}: {step.why}"))


def _not_checked(report: Report, *, explain: bool) -> Iterator[str]:
    checks = report.checks_not_run
    if not checks:
        return
    if explain:
        for check in checks:
            yield from _line("Not checked", printable(f"{check.check}: {check.why}"))
    else:
        names = dict.fromkeys(check.check for check in checks)
        yield from _line("Not checked", printable(", ".join(names)))


def _age(directory: DirectoryRef) -> str:
    if directory.age_days is None:
        return ""
    age = f"{directory.age_days} day{'' if directory.age_days == 1 else 's'} old, "
    end = directory.expires_at
    return age if end is None else f"{age}expires {moment_text(end)}, "


def _context(report: Report) -> Iterator[str]:
    context = report.context
    yield from _line("SHA-256", report.asset.sha256 or "not known: could not be read to its end")
    if report.signer.certificate is not None:
        yield from _line("Certificate", report.signer.certificate.sha256)
    directory = context.directory
    if directory is None:
        yield from _line("Directory", "none")
    else:
        yield from _line(
            "Directory",
            printable(
                f"{directory.name}, version {directory.version}, {directory.source}, "
                f"{_age(directory)}SHA-256 {directory.sha256}"
            ),
        )
    for entry in context.trust_lists:
        yield from _line(
            "Trust list",
            printable(
                f"{entry.name} ({entry.purpose}), {entry.certificates} certificates, "
                f"from {entry.source}, "
                f"dated {moment_text(entry.dated) if entry.dated else 'unknown'}, "
                + (f"{entry.note}, " if entry.note else "")
                + f"SHA-256 {entry.sha256}"
            ),
        )
    yield from _line(
        "Judged",
        printable(
            f"{moment_text(context.verified_at)} by {context.verifier}, policy "
            f"{context.policy.name} {context.policy.version}, {context.engine.name} "
            f"{context.engine.version}"
        ),
    )
