"""Signed files put into the register as one release; done again, it goes on where it stopped."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from provenance.credentials.engine_signing import ClaimSigner
from provenance.errors import RegisterError
from provenance.fingerprints.media import fingerprint_media
from provenance.fingerprints.model import MediaFingerprint
from provenance.limits import Limits
from provenance.media.formats import MediaFormat
from provenance.registry.register.register import Register
from provenance.registry.register.stating import StatedFile, state_release
from provenance.runtime.frame_signatures import make_frame_signatures
from provenance.runtime.register_files import read_for_register
from provenance.verification.verifier import Verifier

__all__ = ["Registration"]

_FILES_AT_ONCE = 64
_SALT_BYTES = 32


class Registration:
    """Takes the files of one release in, some at a time. Nothing is in before `finish`.

    Args:
        register: Where.
        signer: Signs the statements, as the agency.
        verifier: Says whether a file is official.
        release: The release's id.
        clock: What time it is.
        say: Told, in one line, what of a fingerprint could not be made.
        agency: Whose files they have to be; by default, whose the first one is.
        embargo_until: Until when nobody but the agency is to hear of them; a time that has
            passed is none.
        rendition_of: Digest of the registered file of which they are transcodes.
        channels: Where the agency publishes them.
    """

    def __init__(  # noqa: PLR0913 - what is stated of a release
        self,
        register: Register,
        signer: ClaimSigner,
        verifier: Verifier,
        *,
        release: str,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        agency: str | None = None,
        embargo_until: datetime | None = None,
        rendition_of: str | None = None,
        channels: tuple[str, ...] = (),
    ) -> None:
        self._register, self._signer, self._verifier = register, signer, verifier
        self._release, self._agency = release, agency
        self._clock, self._say = clock, say
        self._until = embargo_until
        self._original = rendition_of
        self._channels = channels
        self._waiting: list[StatedFile] = []
        self._added = self._kept = 0

    @property
    def summary(self) -> str:
        """What became of it, in words."""
        kept = f", {self._kept} were there already" if self._kept else ""
        hidden = f", under embargo until {self._until.isoformat()}" if self._until else ""
        return f"{self._agency}/{self._release}: {self._added} files registered{kept}{hidden}"

    def add(self, path: Path, *, sidecar: Path | None = None, name: str | None = None) -> None:
        """Verify and read a file, unless the release has it already.

        Raises:
            RegisterError: It is not official, or another agency's.
            SourceError: It cannot be opened.
        """
        shown = name or str(path)
        read = read_for_register(
            path,
            verifier=self._verifier,
            fingerprint=_fingerprint,
            is_known=self._has,
            sidecar=sidecar,
            rendition_of=self._original,
            channels=self._channels,
            name=shown,
        )
        if self._agency not in {None, read.agency}:
            raise RegisterError(
                f"{shown}: expected a file of {self._agency}, got one of {read.agency}"
            )
        self._agency = read.agency
        for why in read.why_not:
            self._say(f"{shown}: {why}")
        if read.stated is None:
            self._kept += 1
            return
        self._waiting.append(read.stated)
        if len(self._waiting) >= _FILES_AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """State what was read, and take it in.

        Raises:
            RegisterError: It may not be taken in.
            SigningKeyError, SigningError: The key cannot be used.
            LimitError, ValidationError: It cannot be stated.
        """
        if not self._waiting:
            return
        now = self._clock()
        until = self._until if self._until is not None and self._until > now else None
        changes = state_release(
            self._waiting,
            agency=self._agency or "",
            release=self._release,
            at=now.replace(microsecond=0),
            signer=self._signer,
            embargo_until=until,
            make_salt=lambda: secrets.token_bytes(_SALT_BYTES),
        )
        self._register.take(changes, at=now)
        self._added += len(self._waiting)
        self._waiting.clear()

    def _has(self, agency: str, sha256: str) -> bool:
        view = self._register.view(agency, clock=self._clock)
        return any(
            (file.release.agency, file.release.release) == (agency, self._release)
            for file in view.files(sha256, at=self._clock())
        )


def _fingerprint(
    stream: BinaryIO, media_format: MediaFormat, limits: Limits, signed_iscc: str | None
) -> MediaFingerprint:
    return fingerprint_media(
        stream,
        media_format,
        limits=limits,
        signed_iscc=signed_iscc,
        frame_signatures=make_frame_signatures,
    )
