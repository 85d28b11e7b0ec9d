"""Time-stamps for what is being signed: asked for, checked, and put into the signature.

An authority's answer is held against everything that a verifier will hold it against
later, and against the question: a stamp that would not count is no stamp.

Spec: RFC 3161 §2.4; C2PA 2.5, "Time-stamps".
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from asn1crypto import tsp

from provenance.credentials.claim_stamps import OpenSignature
from provenance.errors import FetchError, MalformedError, SigningError, TimeStampError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import parse_layout
from provenance.media.containers.extraction import extract_manifest
from provenance.media.containers.store_writer import replace_manifest
from provenance.media.formats import MediaFormat
from provenance.trust.certificates import Certificate, load_der_chain
from provenance.trust.lists import TrustList
from provenance.trust.timestamps import (
    TimeStampChecker,
    TimeStampState,
    parse_token,
    token_of_response,
)
from provenance.untrusted import clean_text

__all__ = ["Stamp", "TimeStampAuthority", "TimeStamper"]

_NONCE_BYTES = 16
# Between our clock and the authority's, and for the answer to come.
_TOLERANCE = timedelta(minutes=5)
# An authority that gave no usable answer is asked last for so long: a batch must not
# wait for the same dead server at every file.
_SHUNNED_FOR = timedelta(minutes=5)


class TimeStampAuthority(Protocol):
    """Somebody who can be asked for a time-stamp."""

    @property
    def url(self) -> str:
        """What it is called in messages and results."""
        ...

    def __call__(self, request: bytes, /) -> bytes:
        """What does it answer to this TimeStampReq (DER)?

        Raises:
            FetchError: Nothing that may be used.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A time-stamp that counts.

    Attributes:
        token: DER of the TimeStampToken.
        at: The time it states.
        authority_url: Who was asked.
        authority: What the authority's certificate says of itself.
        trust_list: The list whose anchor vouches for it.
        tried: Authorities that were asked before, each with why it did not do.
    """

    token: bytes = field(repr=False)
    at: datetime
    authority_url: str
    authority: str | None
    trust_list: str | None
    tried: tuple[tuple[str, str], ...] = ()


class TimeStamper:
    """Asks authorities in turn until one gives a time-stamp that counts.

    Args:
        authorities: Asked in this order.
        lists: Their anchors decide whether a stamp counts; the verifier of the result
            has to have them too.
        clock: Says what time it is, as aware UTC.
        random_bytes: Gives so many unpredictable bytes.
        limits: Bounds on what is read.

    Raises:
        TimeStampError: No authority or no list is given.
        ValueError: A list is one of claim signers.
    """

    def __init__(
        self,
        authorities: Sequence[TimeStampAuthority],
        lists: Sequence[TrustList],
        *,
        clock: Callable[[], datetime],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        if not authorities:
            raise TimeStampError("time-stamp: expected at least one authority to ask, got none")
        if not lists:
            raise TimeStampError(
                "time-stamp: expected a list of time-stamp authorities, got none; without one "
                "no time-stamp would count"
            )
        self._authorities = tuple(authorities)
        self._checker = TimeStampChecker(lists)
        self._clock = clock
        self._random_bytes = random_bytes
        self._limits = limits
        self._shunned: dict[str, datetime] = {}

    @property
    def urls(self) -> tuple[str, ...]:
        """Who is asked, in order."""
        return tuple(authority.url for authority in self._authorities)

    def stamp_file(self, stream: BinaryIO, media_format: MediaFormat) -> Stamp:
        """Put a time-stamp into the embedded claim signature of a file, in place.

        Args:
            stream: The signed file, readable, writable and seekable; nothing in it
                moves. It is not written before a stamp is there.
            media_format: What it is.

        Raises:
            TimeStampError: No authority gave a stamp that counts and that has room in the
                signature; says why, for each.
            SigningError: The signature has a time-stamp already, or is of version 1.
            MalformedError, LimitError: The file carries no store that can be read.
        """
        size_bytes = stream.seek(0, io.SEEK_END)
        layout = parse_layout(stream, size_bytes, media_format, self._limits)
        store = extract_manifest(stream, layout, self._limits)
        stamped, stamp = self.stamp_store(store)
        replace_manifest(stream, media_format, layout, stamped, self._limits)
        return stamp

    def stamp_store(self, store: bytes) -> tuple[bytes, Stamp]:
        """Which store of the same length carries a time-stamp of its active claim?

        Raises:
            TimeStampError: No authority gave a stamp that counts and that has room in the
                signature; says why, for each.
            SigningError: The signature has a time-stamp already, or is of version 1.
            MalformedError, LimitError: Not a signed manifest store.
        """
        signature = OpenSignature(store, self._limits)

        def fits(token: bytes) -> None:
            signature.signature_with(token=token)

        # Nobody is asked in vain where none can be put in.
        fits(b"")
        chain = load_der_chain(signature.chain, where="claim signature")
        stamp = self.stamp(signature.message, signer=chain[0] if chain else None, fits=fits)
        return signature.with_added(token=stamp.token), stamp

    def stamp(
        self,
        message: bytes,
        *,
        signer: Certificate | None = None,
        fits: Callable[[bytes], object] | None = None,
    ) -> Stamp:
        """Which time-stamp that counts can be had for these bytes?

        Args:
            message: What the stamp has to be about.
            signer: The certificate of the signature that is stamped: a stamp from
                outside its validity would prove the signature worthless.
            fits: Raises SigningError for a token that cannot be used: authorities send
                between 1 and 10 kB of certificates along.

        Raises:
            TimeStampError: None; says why, for each authority.
        """
        tried: list[tuple[str, str]] = []
        for authority in self._in_order():
            asked_at = self._clock()
            try:
                stamp = self._ask(authority, message, signer, asked_at, tuple(tried))
                if fits is not None:
                    fits(stamp.token)
            except (FetchError, MalformedError, SigningError) as error:
                self._shunned[authority.url] = asked_at + _SHUNNED_FOR
                tried.append((authority.url, clean_text(error)))
            else:
                return stamp
        reasons = "; ".join(f"{url}: {why}" for url, why in tried)
        raise TimeStampError(f"no authority gave a time-stamp that counts: {reasons}")

    def _in_order(self) -> list[TimeStampAuthority]:
        now = self._clock()
        return sorted(self._authorities, key=lambda one: self._shunned.get(one.url, now) > now)

    def _ask(
        self,
        authority: TimeStampAuthority,
        message: bytes,
        signer: Certificate | None,
        asked_at: datetime,
        tried: tuple[tuple[str, str], ...],
    ) -> Stamp:
        nonce = int.from_bytes(self._random_bytes(_NONCE_BYTES), "big")
        der = token_of_response(authority(_request(message, nonce)))
        token = parse_token(der)
        if token.nonce != nonce:
            # RFC 3161 §2.4.2: else an old answer could be played back.
            raise TimeStampError("its answer is to another question: the nonce differs")
        answer = self._checker.check_token(token, message, now=self._clock())
        if answer.state is not TimeStampState.TRUSTED or answer.at is None:
            raise TimeStampError(f"its time-stamp does not count: {answer.why}")
        if answer.at < asked_at.replace(microsecond=0) - _TOLERANCE:
            raise TimeStampError(
                f"its time-stamp is of {answer.at.isoformat()}, from before it was asked "
                f"({asked_at.isoformat()})"
            )
        if signer is not None and not signer.is_valid_at(answer.at):
            raise TimeStampError(
                f"its time-stamp is of {answer.at.isoformat()}, when the signing certificate is "
                f"not valid ({signer.not_before.isoformat()} to {signer.not_after.isoformat()})"
            )
        return Stamp(
            token=der,
            at=answer.at,
            authority_url=authority.url,
            authority=clean_text(answer.authority) if answer.authority else None,
            trust_list=answer.trust_list,
            tried=tried,
        )


def _request(message: bytes, nonce: int) -> bytes:
    """A TimeStampReq in DER (RFC 3161 §2.4.1), with the certificates asked for."""
    request = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashlib.sha256(message).digest(),
            },
            "nonce": nonce,
            # Without them nobody could check the token later.
            "cert_req": True,
        }
    )
    return bytes(request.dump())
