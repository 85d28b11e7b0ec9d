"""The verdicts, the axes they rest on, and the one table that derives the one from the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "AiState",
    "Axis",
    "ConsentState",
    "IntegrityState",
    "Obstacle",
    "ReleaseState",
    "RevocationState",
    "SignerKind",
    "TimeState",
    "Verdict",
    "VerdictBasis",
    "derive_verdict",
]


class Verdict(StrEnum):
    """What is known about a file, as one word.

    None of these says whether what the file shows is true, and the absence of
    credentials is not evidence against a file.
    """

    ALTERED = "altered"
    OFFICIAL = "official"
    OFFICIAL_WITHDRAWN = "official-withdrawn"
    LOOKALIKE = "lookalike"
    SIGNED = "signed"
    SIGNED_UNRECOGNISED = "signed-unrecognised"
    UNDETERMINED = "undetermined"
    UNVERIFIED = "unverified"


class Axis(StrEnum):
    """The separate questions a report answers; each finding belongs to one."""

    ASSET = "asset"
    INTEGRITY = "integrity"
    COVERAGE = "coverage"
    SIGNER = "signer"
    TIME = "time"
    REVOCATION = "revocation"
    IDENTITY = "identity"
    RELEASE = "release"
    RESEMBLANCE = "resemblance"
    AI = "ai"
    METADATA = "metadata"
    HISTORY = "history"


class IntegrityState(StrEnum):
    """Is the file what its credentials were made for?

    `partial`: what is covered matches, but not every byte is covered.
    `unreadable`: there are credentials, and they could not be read or checked.
    `absent`: no credentials in the file, or none that could be looked for.
    """

    INTACT = "intact"
    PARTIAL = "partial"
    ALTERED = "altered"
    ABSENT = "absent"
    UNREADABLE = "unreadable"


class SignerKind(StrEnum):
    """Who vouches for the signer of the credentials?"""

    AGENCY = "agency"
    LISTED = "listed"
    UNRECOGNISED = "unrecognised"
    NONE = "none"


class TimeState(StrEnum):
    """How well is the time of signing known?"""

    TRUSTED = "trusted"
    CLAIMED = "claimed"
    NONE = "none"


class RevocationState(StrEnum):
    """Has the signer's certificate been revoked?"""

    GOOD = "good"
    REVOKED = "revoked"
    NOT_CHECKED = "not-checked"


class ReleaseState(StrEnum):
    """What does the register say about the release?"""

    CURRENT = "current"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


class AiState(StrEnum):
    """How far do valid credentials say that a trained model made the content?"""

    NOT_DECLARED = "not-declared"
    PARTLY = "partly"
    FULLY = "fully"


class ConsentState(StrEnum):
    """Did the artists consent to what trained models were used for, by an agency's word?

    `not-needed`: no use of a model is declared, or none that concerns an artist.
    `on-record`: for every declared use, in force when it was signed. `partly`: for
    some of the uses. `ended`: in force when it was signed, and over since. `expired`:
    not in force when it was signed. `not-attributed`: said by nobody who may say it.
    `none`: nothing about these artists and uses.
    """

    NOT_CHECKED = "not-checked"
    NOT_NEEDED = "not-needed"
    ON_RECORD = "on-record"
    PARTLY = "partly"
    ENDED = "ended"
    EXPIRED = "expired"
    NOT_ATTRIBUTED = "not-attributed"
    NONE = "none"


class Obstacle(StrEnum):
    """Why there is no answer either way: does the reason lie with us or in the file?"""

    OURS = "ours"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictBasis:
    """All that the verdict depends on.

    Attributes:
        integrity: State of the integrity axis.
        signer: State of the signer axis. `agency` means that the signer counts:
            listed, inside window and scope, neither disowned nor revoked.
        release: State of the release axis.
        resembles: Whether a registered release is resembled.
        obstacles: Every obstacle that a finding raised.
    """

    integrity: IntegrityState
    signer: SignerKind
    release: ReleaseState = ReleaseState.UNKNOWN
    resembles: bool = False
    obstacles: frozenset[Obstacle] = frozenset()


def _intact_by(kind: SignerKind) -> Callable[[VerdictBasis], bool]:
    def applies(basis: VerdictBasis) -> bool:
        return basis.integrity is IntegrityState.INTACT and basis.signer is kind

    return applies


# First row that applies wins. A row that grants something asks for evidence to
# be present: only `intact` with a positively recognised signer is above `lookalike`.
_TABLE: tuple[tuple[Verdict, Callable[[VerdictBasis], bool]], ...] = (
    (Verdict.ALTERED, lambda b: b.integrity is IntegrityState.ALTERED),
    (Verdict.UNDETERMINED, lambda b: Obstacle.OURS in b.obstacles),
    (
        Verdict.OFFICIAL_WITHDRAWN,
        lambda b: (
            _intact_by(SignerKind.AGENCY)(b)
            and not b.obstacles
            and b.release is ReleaseState.WITHDRAWN
        ),
    ),
    (Verdict.OFFICIAL, lambda b: _intact_by(SignerKind.AGENCY)(b) and not b.obstacles),
    (Verdict.LOOKALIKE, lambda b: b.resembles),
    (
        Verdict.UNDETERMINED,
        lambda b: (
            bool(b.obstacles) or b.integrity in {IntegrityState.PARTIAL, IntegrityState.UNREADABLE}
        ),
    ),
    (Verdict.SIGNED, _intact_by(SignerKind.LISTED)),
    (Verdict.SIGNED_UNRECOGNISED, lambda b: b.integrity is IntegrityState.INTACT),
    (Verdict.UNVERIFIED, lambda b: b.integrity is IntegrityState.ABSENT),
)


def derive_verdict(basis: VerdictBasis) -> Verdict:
    """Which one word follows from the axes?

    A collision of rows is decided by their order: an alteration outranks
    everything, a reason of ours outranks what the file seems to say, and a
    resemblance outranks the signature of somebody who is not an agency.
    """
    for verdict, applies in _TABLE:
        if applies(basis):
            return verdict
    msg = f"the verdict table has no row for {basis}"
    raise AssertionError(msg)
