"""The database of the service, which is the register's."""

from __future__ import annotations

from provenance.errors import ConfigurationError
from provenance.registry.register.register import Register
from provenance.runtime.register_at import register_place
from provenance.runtime.settings import Settings

__all__ = ["open_database"]


def open_database(settings: Settings) -> Register:
    """The register whose database is the service's too, made or brought up to date.

    Raises:
        ConfigurationError: The home folder cannot be made.
        RegisterError: It cannot be reached or used.
    """
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{settings.home}: cannot be made: {reason}") from error
    return Register(register_place(settings=settings))
