"""Does a certificate chain end at one of these anchors, at this moment?

Path building and validation are pyhanko-certvalidator's, with all fetching off.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.errors import (
    ExpiredError,
    NotYetValidError,
    PathBuildingError,
    PathError,
    ValidationError,
)
from pyhanko_certvalidator.validate import async_validate_path

from provenance.trust.certificates import Certificate

__all__ = ["ChainAnswer", "ChainChecker"]

# The chains that agencies and platforms see again and again are few; the bound
# keeps a flood of self-made certificates from filling memory.
_CACHE_ENTRIES = 4096
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)

# asn1crypto parses lazily and more strictly than the parser that read the
# certificates: a stranger's malformed extension or odd name surfaces while a
# path is built or validated, and is a chain that does not hold.
_MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    OverflowError,
    NotImplementedError,
    UnsupportedAlgorithm,
)


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """Whether and where a chain ends.

    Attributes:
        anchors: Every anchor that a path ends at which holds at the moment.
        why: Why none holds; empty where one does.
        expired: A path exists but one of its certificates is outside its validity.
    """

    anchors: tuple[Certificate, ...] = ()
    why: str = ""
    expired: bool = False

    @property
    def anchor(self) -> Certificate | None:
        """The first of them, or None where no path holds."""
        return self.anchors[0] if self.anchors else None


def _drive(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits for anything.

    The validator is written for fetching; with fetching off it awaits nothing,
    so it runs to its end at once, inside or outside somebody's event loop.
    """
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        work.close()
    raise RuntimeError("path validation tried to wait although fetching is off")


class ChainChecker:
    """Answers for one set of anchors; remembers what it has answered.

    An answer holds for the moments at which the same certificates of the path
    are valid, so the memory is keyed by chain and by those moments.
    """

    def __init__(self, anchors: Sequence[Certificate]) -> None:
        self._by_digest = {anchor.sha256: anchor for anchor in anchors}
        self._by_subject: dict[x509.Name, list[Certificate]] = {}
        for anchor in self._by_digest.values():
            self._by_subject.setdefault(anchor.x509.subject, []).append(anchor)
        self._answers: dict[tuple[str, ...], list[tuple[datetime, datetime, ChainAnswer]]] = {}

    def check(self, chain: Sequence[Certificate], at: datetime) -> ChainAnswer:
        """Which of the anchors does this chain end at, at this moment?

        Signatures, validity at the moment, basic constraints, path length, name
        constraints, policies and critical extensions of every CA are checked.
        The leaf's purpose and revocation are not.

        Spec: RFC 5280 §6.1.

        Args:
            chain: Leaf first, linked as `load_der_chain` gives it.
            at: Aware UTC time.
        """
        candidates = self._candidates(chain)
        if not candidates:
            return ChainAnswer(why="no certificate in it names one of the anchors")
        # Digests, not the certificates: a stranger's may be as large as he likes.
        key = tuple(certificate.sha256 for certificate in chain)
        for start, end, answer in self._answers.get(key, ()):
            if start < at < end or start == at == end:
                return answer
        answer = _validate(chain, at, candidates)
        start, end = _stretch(chain, at)
        if len(self._answers) >= _CACHE_ENTRIES:
            self._answers.clear()
        self._answers.setdefault(key, []).append((start, end, answer))
        return answer

    def _candidates(self, chain: Sequence[Certificate]) -> list[Certificate]:
        """The anchors that are in the chain, or that one of its certificates names."""
        found: dict[str, Certificate] = {}
        for certificate in chain:
            if certificate.sha256 in self._by_digest:
                found[certificate.sha256] = self._by_digest[certificate.sha256]
            for anchor in self._by_subject.get(certificate.x509.issuer, ()):
                found[anchor.sha256] = anchor
        return list(found.values())


def _validate(
    chain: Sequence[Certificate], at: datetime, candidates: Sequence[Certificate]
) -> ChainAnswer:
    """Ask for each anchor by itself: a path builder stops at the first it meets.

    One agency's intermediate would otherwise stand before another agency's root.
    """
    answers = [_validate_under(anchor, chain, at) for anchor in candidates]
    anchors = tuple(answer.anchors[0] for answer in answers if answer.anchors)
    if anchors:
        return ChainAnswer(anchors)
    return next((answer for answer in answers if answer.expired), answers[-1])


def _validate_under(anchor: Certificate, chain: Sequence[Certificate], at: datetime) -> ChainAnswer:
    try:
        return _find_path(anchor, chain, at)
    except PathBuildingError as error:
        return ChainAnswer(why=f"no path: {error}")
    except _MALFORMED as error:
        return ChainAnswer(why=f"malformed certificate: {error}")


def _find_path(anchor: Certificate, chain: Sequence[Certificate], at: datetime) -> ChainAnswer:
    context = ValidationContext(
        trust_roots=[CertTrustAnchor(asn1_x509.Certificate.load(anchor.der))],
        other_certs=[asn1_x509.Certificate.load(c.der) for c in chain[1:]],
        moment=at,
        # By default it would allow a second either way.
        time_tolerance=timedelta(0),
        allow_fetching=False,
        revocation_mode="soft-fail",
    )
    leaf = asn1_x509.Certificate.load(chain[0].der)
    answer = ChainAnswer(why="no path")
    for path in _drive(context.path_builder.async_build_paths(leaf)):
        try:
            _drive(async_validate_path(context, path))
        except (ExpiredError, NotYetValidError) as error:
            answer = ChainAnswer(why=str(error), expired=True)
        except (PathError, ValidationError, InvalidSignature) as error:
            if not answer.expired:
                answer = ChainAnswer(why=str(error))
        except _MALFORMED as error:
            if not answer.expired:
                answer = ChainAnswer(why=f"malformed certificate: {error}")
        else:
            return ChainAnswer((anchor,))
    return answer


def _stretch(chain: Sequence[Certificate], at: datetime) -> tuple[datetime, datetime]:
    """Around `at`, how far do the same certificates of the chain stay valid?"""
    edges = [edge for c in chain for edge in (c.not_before, c.not_after)]
    # Before the first and after the last edge nothing changes any more: an expired
    # chain that is asked about at every moment fills no memory.
    start = max((edge for edge in edges if edge <= at), default=_BEGINNING)
    end = min((edge for edge in edges if edge >= at), default=_END)
    # The edges themselves belong to the validity of one certificate only.
    return (start, end) if start < at < end else (at, at)
