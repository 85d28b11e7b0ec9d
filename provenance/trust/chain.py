"""Does a certificate chain end at one of these anchors, at this moment?

The path is the chain as it stands, up to an anchor; its validation is
pyhanko-certvalidator's, with all fetching off. None is searched for: among
certificates that bear one name there are more paths than anybody can try.
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
    PathError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
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
# path is validated, and is a chain that does not hold.
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
# With which keys a signature of this kind can have been made. RFC 5280 §4.1.1.2.
_KEYS_FOR = {
    "rsassa_pkcs1v15": {"rsa"},
    "rsassa_pss": {"rsa", "rsassa_pss"},
    "ecdsa": {"ec"},
    "dsa": {"dsa"},
    "ed25519": {"ed25519"},
    "ed448": {"ed448"},
}


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
        self._by_subject: dict[x509.Name, list[Certificate]] = {}
        for anchor in {anchor.sha256: anchor for anchor in anchors}.values():
            self._by_subject.setdefault(anchor.x509.subject, []).append(anchor)
        self._answers: dict[tuple[str, ...], list[tuple[datetime, datetime, ChainAnswer]]] = {}

    def check(self, chain: Sequence[Certificate], at: datetime) -> ChainAnswer:
        """Which of the anchors does this chain end at, at this moment?

        Each certificate has to be issued by the one after it, up to the one that an
        anchor issued. Signatures, validity at the moment, basic constraints, path
        length, name constraints, policies and critical extensions of every CA are
        checked. The leaf's purpose and revocation are not.

        Spec: RFC 5280 §6.1.

        Args:
            chain: Leaf first, linked as `load_der_chain` gives it.
            at: Aware UTC time.
        """
        ends = self._ends(chain)
        if not ends:
            return ChainAnswer(why="no certificate in it names one of the anchors")
        # Digests, not the certificates: a stranger's may be as large as he likes.
        key = tuple(certificate.sha256 for certificate in chain)
        for start, end, answer in self._answers.get(key, ()):
            if start < at < end or start == at == end:
                return answer
        answer = _validate(chain, at, ends)
        start, end = _stretch(chain, at)
        if len(self._answers) >= _CACHE_ENTRIES:
            self._answers.clear()
        self._answers.setdefault(key, []).append((start, end, answer))
        return answer

    def _ends(self, chain: Sequence[Certificate]) -> list[tuple[Certificate, int]]:
        """The anchors that are named as issuers, each with how many certificates lead there."""
        return [
            (anchor, number)
            for number, certificate in enumerate(chain, 1)
            for anchor in self._by_subject.get(certificate.x509.issuer, ())
        ]


def _validate(
    chain: Sequence[Certificate], at: datetime, ends: Sequence[tuple[Certificate, int]]
) -> ChainAnswer:
    """Ask for each anchor by itself: one agency's must not stand before another's."""
    anchors: dict[str, Certificate] = {}
    failed: list[ChainAnswer] = []
    for anchor, number in ends:
        if anchor.sha256 in anchors:
            continue
        answer = _validate_path(chain[:number], anchor, at)
        if answer.anchors:
            anchors[anchor.sha256] = anchor
        else:
            failed.append(answer)
    if anchors:
        return ChainAnswer(tuple(anchors.values()))
    return next((answer for answer in failed if answer.expired), failed[-1])


def _validate_path(path: Sequence[Certificate], anchor: Certificate, at: datetime) -> ChainAnswer:
    try:
        trusted = CertTrustAnchor(asn1_x509.Certificate.load(anchor.der))
        loaded = [asn1_x509.Certificate.load(c.der) for c in path]
        if not all(map(_may_have_signed, [*loaded[1:], trusted.certificate], loaded)):
            return ChainAnswer(why="a certificate is signed otherwise than its issuer's key can")
        leaf, *authorities = loaded
        context = ValidationContext(
            trust_roots=[trusted],
            moment=at,
            # By default it would allow a second either way.
            time_tolerance=timedelta(0),
            allow_fetching=False,
            revocation_mode="soft-fail",
        )
        # From the anchor down.
        _drive(async_validate_path(context, ValidationPath(trusted, authorities[::-1], leaf)))
    except (ExpiredError, NotYetValidError) as error:
        return ChainAnswer(why=str(error), expired=True)
    except (PathError, ValidationError, InvalidSignature) as error:
        return ChainAnswer(why=str(error))
    except _MALFORMED as error:
        return ChainAnswer(why=f"malformed certificate: {error}")
    return ChainAnswer((anchor,))


def _may_have_signed(issuer: asn1_x509.Certificate, certificate: asn1_x509.Certificate) -> bool:
    """Is its signature of a kind that this issuer's key can make?

    Certificates of one name may have keys of all kinds. The validation asks a key for its
    length in bits before it looks at what kind it is, and not every kind has one.
    """
    kind = certificate["signature_algorithm"].signature_algo
    return issuer.public_key.algorithm in _KEYS_FOR.get(kind, ())


def _stretch(chain: Sequence[Certificate], at: datetime) -> tuple[datetime, datetime]:
    """Around `at`, how far do the same certificates of the chain stay valid?"""
    edges = [edge for c in chain for edge in (c.not_before, c.not_after)]
    # Before the first and after the last edge nothing changes any more: an expired
    # chain that is asked about at every moment fills no memory.
    start = max((edge for edge in edges if edge <= at), default=_BEGINNING)
    end = min((edge for edge in edges if edge >= at), default=_END)
    # The edges themselves belong to the validity of one certificate only.
    return (start, end) if start < at < end else (at, at)
