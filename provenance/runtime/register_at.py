"""The register that the operator means, opened."""

from __future__ import annotations

from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.register import Register
from provenance.runtime.register_place import configured_place, register_place
from provenance.runtime.settings import load_settings

__all__ = ["open_configured_register", "open_register", "register_place"]


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


def open_configured_register(given: str | None = None) -> Register | None:
    """The register to ask while verifying, or None where nobody has one.

    One that was named has to be there. That at home is asked if it is there.

    Raises:
        RegisterError: It cannot be used.
        ConfigurationError: The settings cannot be used.
    """
    place = configured_place(given, load_settings())
    if place is None:
        return None
    try:
        return Register(place, read_only=True)
    except RegisterError as error:
        raise RegisterError(f"the register cannot be asked: {error}") from error
