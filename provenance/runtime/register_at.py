"""The register that the operator means, opened."""

from __future__ import annotations

from pathlib import Path

from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.register import Register
from provenance.runtime.settings import Settings, load_settings

__all__ = ["open_configured_register", "open_register", "register_place"]

_DEFAULT = "register.db"


def register_place(given: str | None = None, settings: Settings | None = None) -> str:
    """Where is the register: at the place given, else that of the settings, else at home?

    Raises:
        ConfigurationError: The settings cannot be used.
    """
    if given is not None:
        return given
    settings = settings or load_settings()
    return settings.register_place or str(settings.home / _DEFAULT)


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
    settings = load_settings()
    place = register_place(given, settings)
    if given is None and settings.register_place is None and not Path(place).exists():
        return None
    try:
        return Register(place, read_only=True)
    except RegisterError as error:
        raise RegisterError(f"the register cannot be asked: {error}") from error
