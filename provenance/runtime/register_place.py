"""Where the operator's register of releases is. Loads nothing that opens it."""

from __future__ import annotations

from pathlib import Path

from provenance.runtime.settings import Settings, load_settings

__all__ = ["configured_place", "register_place"]

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


def configured_place(given: str | None, settings: Settings) -> str | None:
    """Where is the register to ask while verifying? None where nobody has one.

    One that was named has to be there. That at home is asked if it is there.
    """
    place = register_place(given, settings)
    if given is None and settings.register_place is None and not Path(place).exists():
        return None
    return place
