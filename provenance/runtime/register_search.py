"""A register opened for asking: its view for one reader, with a search in memory behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.registry.register.register import Register
from provenance.registry.register.view import RegisterView
from provenance.registry.search.projection import SearchProjection
from provenance.registry.search.resembler import local_resembler
from provenance.runtime.clock import system_clock
from provenance.runtime.workers.register_desk import RegisterDesk

__all__ = ["SearchedRegister"]


class SearchedRegister:
    """A register that can be asked what things look like. Threads may share it.

    The search is built when it is asked for the first time, and brought up to date before
    every answer.

    Args:
        register: The register; closed with this.
        agency: Whose view it is; by default the public's, to whom what is under embargo
            is unknown.
        clock: What time it is.
        limits: Bounds of decoding.
    """

    def __init__(
        self,
        register: Register,
        *,
        agency: str | None = None,
        clock: Callable[[], datetime] = system_clock,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._register = register
        self.projection = SearchProjection(register.codes)
        self.view: RegisterView = register.view(
            agency,
            clock=clock,
            search=self.projection,
            resembler=local_resembler(self.projection, limits),
        )

    @classmethod
    def open(cls, place: str | Path, *, agency: str | None = None) -> Self:
        """The register at this place, a file or `postgresql://...`, for one reader.

        For a verifier: `Verifier(..., register=SearchedRegister.open("register.db").view)`.
        Nothing is written. Whoever opens it closes it.

        Args:
            place: Where it is.
            agency: Whose view it is, if it is an agency that has shown that it is.

        Raises:
            RegisterError: It cannot be used.
        """
        return cls(Register(place, read_only=True), agency=agency)

    @property
    def name(self) -> str:
        """What reports call the register."""
        return self._register.name

    def desk(self) -> RegisterDesk:
        """Whoever answers what a worker asks about one file; for one thread."""
        return RegisterDesk(self)

    def close(self) -> None:
        """Let go of the register."""
        self._register.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
