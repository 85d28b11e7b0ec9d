"""The form of a decision: what was filled in, what is wrong with it, and the draft it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import ValidationError

from provenance.moderation.policies import PolicyDocument
from provenance.moderation.vocabulary import AppealOutcome, Outcome
from provenance.service.mod_moves import AppealDraft, BulkDraft, Draft
from provenance.service.staff_forms import Fields, end_of_day

__all__ = ["DraftForm"]

_SEPARATORS = re.compile(r"[\s,;]+")
_SHORT = 200
_MAX_FACTS = 20_000
_MAX_SUBJECTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftForm:
    """What somebody filled in, as they did: a form with an error shows it again.

    Attributes:
        policy: Version of the policy.
        verdict: What becomes of the appeal, where there is one.
        outcome: What is found.
        ground: Number of the policy's ground.
        facts: What was found, in words.
        actions: What is to be done.
        territories: Countries, as typed.
        ends_at: Last day on which it holds, as typed.
        automated_detection: Whether a machine led to it.
        subjects: What it is about; empty: all.
        cases: Which cases, where there are several.
        seen: All that was shown, where it is one case.
    """

    policy: str = ""
    verdict: str = ""
    outcome: str = ""
    ground: str = ""
    facts: str = ""
    actions: tuple[str, ...] = ()
    territories: str = ""
    ends_at: str = ""
    automated_detection: bool = False
    subjects: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Fields) -> Self:
        """The form with these fields; others are not looked at."""
        return cls(
            policy=fields.one("policy")[:_SHORT],
            verdict=fields.one("verdict")[:_SHORT],
            outcome=fields.one("outcome")[:_SHORT],
            ground=fields.one("ground")[:_SHORT],
            facts=fields.one("facts")[:_MAX_FACTS],
            actions=fields.all("actions")[:_SHORT],
            territories=fields.one("territories")[:_SHORT],
            ends_at=fields.one("ends_at")[:_SHORT],
            automated_detection=fields.one("automated_detection") == "true",
            subjects=fields.all("subjects")[:_MAX_SUBJECTS],
            cases=fields.all("case")[:_MAX_SUBJECTS],
            seen=tuple(fields.one("seen").split()),
        )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The same as fields of another form, which carries it on."""
        return tuple(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for name in ("policy", "verdict", "outcome", "ground", "facts", "territories", "ends_at"):
            if value := getattr(self, name):
                yield name, value
        if self.automated_detection:
            yield "automated_detection", "true"
        if self.seen:
            # In one field: a case may be about more than a form has fields.
            yield "seen", " ".join(self.seen)
        for name, values in (
            ("actions", self.actions),
            ("subjects", self.subjects),
            ("case", self.cases),
        ):
            for value in values:
                yield name, value

    def read(
        self, policy: PolicyDocument, *, now: datetime, appeal: bool = False, bulk: bool = False
    ) -> Draft | Mapping[str, str]:
        """The draft, or what is wrong with it, by field: keys of messages.

        Args:
            policy: What it is decided under.
            now: What time it is: a decision that has ended already is none.
            appeal: Whether it answers an appeal.
            bulk: Whether it is about several cases.
        """
        values, wrong = self._values(policy, now)
        violation = self.outcome == Outcome.VIOLATION.value
        if violation != bool(self.actions) and "actions" not in wrong:
            wrong["actions"] = "mod.wrong.actions" if violation else "mod.wrong.no-actions"
        kind: type[Draft] = Draft
        if appeal:
            kind = AppealDraft
            values["verdict"] = self.verdict
            if self.verdict not in {one.value for one in AppealOutcome}:
                wrong["verdict"] = "mod.wrong.choose"
        elif bulk:
            kind = BulkDraft
            values["cases"] = self.cases
        try:
            draft = kind.model_validate(values)
        except ValidationError as error:
            for one in error.errors():
                name = str(one["loc"][0])
                wrong.setdefault(_FIELD.get(name, name), _WRONG.get(name, "mod.wrong.choose"))
            return wrong
        return wrong or draft

    def _values(
        self, policy: PolicyDocument, now: datetime
    ) -> tuple[dict[str, object], dict[str, str]]:
        wrong: dict[str, str] = {}
        values: dict[str, object] = {
            "outcome": self.outcome,
            "policies": [policy.id],
            "facts": self.facts,
            "actions": self.actions,
            "territories": [c.upper() for c in _SEPARATORS.split(self.territories) if c],
            "subjects": self.subjects,
            "automated_detection": self.automated_detection,
            "seen": self.seen,
        }
        number = int(self.ground) if self.ground.isascii() and self.ground.isdigit() else -1
        if 0 <= number < len(policy.grounds):
            ground = policy.grounds[number]
            values |= {"ground": ground.ground, "reference": ground.reference}
        else:
            wrong["ground"] = "mod.wrong.choose"
            values |= {"ground": "terms", "reference": "-"}
        if not set(self.actions) <= {one.value for one in policy.allowed_actions}:
            wrong["actions"] = "mod.wrong.not-allowed"
        if self.ends_at:
            ends = end_of_day(self.ends_at)
            if ends is None or ends <= now:
                wrong["ends_at"] = "mod.wrong.ends"
            values["ends_at"] = ends
        return values, wrong


_FIELD = {"policies": "policy", "reference": "ground", "cases": "subjects"}
_WRONG = {
    "facts": "mod.wrong.facts",
    "territories": "mod.wrong.territories",
    "actions": "mod.wrong.not-allowed",
    "ends_at": "mod.wrong.ends",
}
