"""The register that the operator means, opened."""

from __future__ import annotations

from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.register import Register
from provenance.runtime.register_place import register_place

__all__ = ["open_register"]


def open_register(
    given: str | None = None, *, read_only: bool = False, agencies: AgencyChecker | None = None
) -> Register:
    """The register at a place, or where the settings say. SQLite is made on first use.

    Args:
        given: A path or a URL; its password appears in no message.
        read_only: Nothing is made or written.
        agencies: Whose statements are taken.

    Raises:
        RegisterError: It cannot be used.
        ConfigurationError: The settings cannot be used.
    """
    return Register(register_place(given), read_only=read_only, agencies=agencies)
