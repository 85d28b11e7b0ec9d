"""The operator's settings, from options, the environment and one TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.fields import FieldInfo

from provenance.errors import ConfigurationError
from provenance.runtime.moderation_settings import ModerationSettings
from provenance.runtime.service_settings import ServiceSettings
from provenance.runtime.setting_types import HostAndPort, PathOrUrl, SettingPath, user_folder
from provenance.runtime.staff_settings import StaffSettings

__all__ = ["Settings", "load_settings"]

_PREFIX = "PROVENANCE_"
_CONFIG = f"{_PREFIX}CONFIG"
# Settings that are a table of their own, and in the environment a prefix.
_TABLES: Mapping[str, type[ModerationSettings | ServiceSettings | StaffSettings]] = {
    "moderation": ModerationSettings,
    "service": ServiceSettings,
    "staff": StaffSettings,
}
# Not settings: one names the file, the others belong to the command line.
_NOT_SETTINGS = frozenset({_CONFIG, f"{_PREFIX}DEBUG", f"{_PREFIX}KEY_PASSPHRASE"})
_MAX_FILE_BYTES = 1024 * 1024


class Settings(BaseModel):
    """What the operator has settled once for all commands.

    Attributes:
        home: Folder of everything that is kept between runs.
        directory: The agency directory; without one nothing can be official.
        register_place: `register`: the register of releases, a path or the URL of a
            PostgreSQL database.
        max_directory_age_days: How old the directory may be for anything to be official.
        network_allow: Exact `host:port` exceptions to the rule that only public
            addresses are asked.
        territory: The country for which is asked (ISO 3166-1 alpha-2).
        second_engine: Whether a second engine is asked about integrity.
        use_stored_lists: Whether the stored trust lists are judged with.
        require_isolation: Refuse to examine files where a protection is not to be had.
        service: What `provenance serve` goes by.
        staff: How members of the staff sign in.
        moderation: How complaints are taken and decided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    home: SettingPath
    directory: SettingPath | None = None
    # Its URL may hold a password; `register` itself is a name of pydantic's.
    register_place: Annotated[PathOrUrl | None, Field(repr=False)] = Field(
        default=None, alias="register"
    )
    max_directory_age_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    network_allow: Annotated[tuple[HostAndPort, ...], Field(strict=False)] = ()
    territory: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    second_engine: bool = False
    use_stored_lists: bool = True
    require_isolation: bool = False
    service: ServiceSettings = ServiceSettings()
    staff: StaffSettings = StaffSettings()
    moderation: ModerationSettings = ModerationSettings()


def load_settings(*, environ: Mapping[str, str] | None = None, **options: Any) -> Settings:
    """Which settings hold: an option's, else the environment's, else the file's, else the default?

    The file is the one that PROVENANCE_CONFIG names, else
    `$XDG_CONFIG_HOME/provenance/config.toml` if it is there.

    Args:
        environ: The environment; by default, this process's.
        options: Values by name of setting; None where the option was not given.

    Raises:
        ConfigurationError: A key or variable is unknown, or its value cannot be
            used; names the file and the key, or the variable.
    """
    environ = os.environ if environ is None else environ
    values = {
        **_from_file(environ),
        **_from_environment(environ),
        **{name: value for name, value in options.items() if value is not None},
    }
    values.setdefault("home", _xdg(environ, "XDG_DATA_HOME", ".local/share"))
    return Settings.model_validate(values)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {
        variable.removeprefix(_PREFIX).lower(): text
        for variable, text in environ.items()
        if variable.startswith(_PREFIX) and variable not in _NOT_SETTINGS
    }
    for table, model in _TABLES.items():
        prefix = f"{table}_"
        values = {
            key.removeprefix(prefix): _entries(text)
            if key.removeprefix(prefix) in model.lists()
            else text
            for key, text in given.items()
            if key.startswith(prefix)
        }
        if values:
            given = {key: text for key, text in given.items() if not key.startswith(prefix)}
            given[table] = values
    # A lower-case spelling is another variable.
    for variable in environ:
        if variable.startswith(_PREFIX) and variable != variable.upper():
            raise ConfigurationError(f"{variable}: {_unknown(Settings.model_fields)}")
    if "network_allow" in given:
        given["network_allow"] = _entries(given["network_allow"])
    # Text is all that the environment has: "1" and "true" are read as what they mean.
    return _checked(
        given,
        strict=False,
        place=lambda key: f"{_PREFIX}{key.upper().replace('.', '_')}",
        environ=environ,
    )


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(_CONFIG)
    path = Path(named) if named else _xdg(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        # Only what somebody named has to be there.
        if not named and isinstance(error, FileNotFoundError | NotADirectoryError):
            return {}
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from error
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigurationError(f"{path}: expected {_MAX_FILE_BYTES} bytes at most")
    try:
        given = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: expected TOML: {error}") from error
    return _checked(
        given,
        strict=None,
        place=lambda key: f"{path}: {key}",
        environ=environ,
        base=path.absolute().parent,
    )


def _checked(
    given: Mapping[str, Any], *, strict: bool | None, place: Callable[[str], str], **context: Any
) -> dict[str, Any]:
    """The values that one source gives, as the model has them."""
    try:
        # Whatever the home is to be in the end, this source alone need not say it.
        model = Settings.model_validate(
            {"home": Path("/"), **given}, strict=strict, context=context
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = str(first["loc"][0])
        fields = Settings.model_fields
        if key in _TABLES and len(first["loc"]) > 1:
            key, fields = f"{key}.{first['loc'][1]}", _TABLES[key].model_fields
        if first["type"] == "extra_forbidden":
            raise ConfigurationError(f"{place(key)}: {_unknown(fields)}") from error
        message = first["msg"].removeprefix("Value error, ")
        got = "" if ", got " in message else f", got {first['input']!r:.60}"
        raise ConfigurationError(f"{place(key)}: {message[0].lower()}{message[1:]}{got}") from error
    names = {field.alias: name for name, field in Settings.model_fields.items()}
    return {name: getattr(model, names.get(name, name)) for name in given}


def _unknown(fields: Mapping[str, FieldInfo]) -> str:
    names = (field.alias or name for name, field in fields.items())
    return f"unknown setting; there are {', '.join(names)}"


def _xdg(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    """Spec: XDG Base Directory Specification 0.8; a relative path is to be ignored."""
    given = environ.get(variable, "")
    base = Path(given) if given.startswith("/") else user_folder(environ) / fallback
    return base / "provenance"
