from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError
from provenance.runtime.service_settings import ServiceSettings
from provenance.runtime.settings import Settings, load_settings

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads settings with this TOML text as the user's file, and these variables."""

    def call(toml: str | bytes | None = None, *, options: dict[str, object] | None = None,
             **variables: str) -> Settings:  # fmt: skip
        config = tmp_path / ".config" / "provenance"
        config.mkdir(parents=True, exist_ok=True)
        if toml is not None:
            data = toml.encode() if isinstance(toml, str) else toml
            (config / "config.toml").write_bytes(data)
        environ = {"HOME": str(tmp_path), "PATH": "/bin", **variables}
        return load_settings(environ=environ, **(options or {}))

    return call


def test_without_anything_the_defaults_hold(load: Load, tmp_path: Path) -> None:
    assert load() == Settings(
        home=tmp_path / ".local/share/provenance",
        directory=None,
        max_directory_age_days=None,
        network_allow=(),
        territory=None,
        second_engine=False,
        use_stored_lists=True,
    )


def test_an_option_comes_before_the_environment_before_the_file(load: Load) -> None:
    toml = "max_directory_age_days = 1\nsecond_engine = true\ndirectory = '/file.json'\n"
    assert load(toml).max_directory_age_days == 1
    assert load(toml, PROVENANCE_MAX_DIRECTORY_AGE_DAYS="2").max_directory_age_days == 2
    settings = load(
        toml,
        options={"max_directory_age_days": 3, "directory": None},
        PROVENANCE_MAX_DIRECTORY_AGE_DAYS="2",
        PROVENANCE_SECOND_ENGINE="no",
    )
    assert settings.max_directory_age_days == 3
    assert settings.second_engine is False
    # An option that was not given has no say.
    assert settings.directory == Path("/file.json")


def test_every_setting_can_stand_in_file_and_environment(load: Load) -> None:
    from_file = load(
        "home = '/h'\ndirectory = '/d.json'\nregister = '/r.db'\nmax_directory_age_days = 7\n"
        "network_allow = ['OCSP.example:8080', '[::1]:80']\n"
        "territory = 'KR'\nsecond_engine = true\nuse_stored_lists = false\n"
        "require_isolation = true\n"
    )
    from_environment = load(
        "",
        PROVENANCE_HOME="/h",
        PROVENANCE_DIRECTORY="/d.json",
        PROVENANCE_REGISTER="/r.db",
        PROVENANCE_MAX_DIRECTORY_AGE_DAYS="7",
        PROVENANCE_NETWORK_ALLOW="ocsp.example:8080, [0:0::1]:80",
        PROVENANCE_TERRITORY="KR",
        PROVENANCE_SECOND_ENGINE="true",
        PROVENANCE_USE_STORED_LISTS="0",
        PROVENANCE_REQUIRE_ISOLATION="1",
    )
    assert from_file == from_environment
    assert from_file.network_allow == ("ocsp.example:8080", "[::1]:80")
    # These are tables of their own.
    assert set(from_file.model_fields_set) == set(Settings.model_fields) - {
        "moderation",
        "service",
        "staff",
    }


def test_paths_in_the_file_are_relative_to_it_and_know_the_users_folder(
    load: Load, tmp_path: Path
) -> None:
    settings = load("home = '~/state'\ndirectory = 'agencies.json'\n")
    assert settings.home == tmp_path / "state"
    assert settings.directory == tmp_path / ".config/provenance/agencies.json"
    assert load("", PROVENANCE_DIRECTORY="a.json").directory == Path("a.json")


def test_the_folders_of_the_xdg_specification_are_used_if_absolute(
    load: Load, tmp_path: Path
) -> None:
    (tmp_path / "c/provenance").mkdir(parents=True)
    (tmp_path / "c/provenance/config.toml").write_text("second_engine = true")
    settings = load(XDG_CONFIG_HOME=str(tmp_path / "c"), XDG_DATA_HOME="/data")
    assert (settings.home, settings.second_engine) == (Path("/data/provenance"), True)
    settings = load(XDG_CONFIG_HOME="c", XDG_DATA_HOME="data")
    assert settings.home == tmp_path / ".local/share/provenance"
    assert settings.second_engine is False


def test_a_file_that_is_named_replaces_the_users(load: Load, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("max_directory_age_days = 9")
    settings = load("second_engine = true", PROVENANCE_CONFIG=str(tmp_path / "other.toml"))
    assert (settings.max_directory_age_days, settings.second_engine) == (9, False)
    with pytest.raises(ConfigurationError, match=r"gone\.toml: cannot be read: no such file"):
        load(PROVENANCE_CONFIG=str(tmp_path / "gone.toml"))


def test_the_debugging_switch_is_no_setting(load: Load) -> None:
    assert load(PROVENANCE_DEBUG="1").second_engine is False


@pytest.mark.parametrize(
    ("variable", "text", "reason"),
    [
        ("PROVENANCE_DIRECTRY", "x", "unknown setting; there are home, directory, "),
        ("PROVENANCE_directory", "x", "unknown setting; there are home, directory, "),
        ("PROVENANCE_SECOND_ENGINE", "maybe", "input should be a valid boolean"),
        ("PROVENANCE_USE_STORED_LISTS", "", "input should be a valid boolean"),
        ("PROVENANCE_MAX_DIRECTORY_AGE_DAYS", "-1", "input should be greater than or equal to 0"),
        ("PROVENANCE_MAX_DIRECTORY_AGE_DAYS", "soon", "input should be a valid integer"),
        ("PROVENANCE_HOME", "", "expected a path, got ''"),
        ("PROVENANCE_NETWORK_ALLOW", "ocsp.example", "expected host:port, got 'ocsp.example'"),
        ("PROVENANCE_NETWORK_ALLOW", "*.example:80", "expected host:port, got '*.example:80'"),
        ("PROVENANCE_NETWORK_ALLOW", "a.example:0", "expected host:port, got 'a.example:0'"),
        ("PROVENANCE_NETWORK_ALLOW", "[::1::2]:80", "at most one '::' permitted"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(
    load: Load, variable: str, text: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(**{variable: text})
    assert str(error.value).startswith(f"{variable}: {reason}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("directry = 'x'", "directry: unknown setting; there are home, directory, "),
        ("[directory]\npath = 'x'", "directory: expected a path, got {'path': 'x'}"),
        ("home = 3", "home: expected a path, got 3"),
        ('home = "a\\u0000b"', "home: expected a path, got 'a\\x00b'"),
        # The environment has nothing but text; a file that says "true" means a text.
        ("second_engine = 'true'", "second_engine: input should be a valid boolean, got 'true'"),
        ("max_directory_age_days = 1.5", "max_directory_age_days: input should be a valid integer"),
        ("max_directory_age_days = true", "max_directory_age_days: input should be a valid int"),
        ("network_allow = 'a.example:1'", "network_allow: input should be a valid tuple"),
        ("network_allow = [5]", "network_allow: input should be a valid string, got 5"),
        ("\nsecond_engine = x", "expected TOML: Invalid value (at line 2, column 17)"),
        ("home = '/a'\nhome = '/b'", "expected TOML: Cannot overwrite a value (at "),
        (b"\xff", "expected TOML: 'utf-8' codec can't decode"),
        (b"#" * (1024 * 1024 + 1), "expected 1048576 bytes at most"),
    ],
)
def test_a_wrong_file_is_named_with_its_key_in_one_line(
    load: Load, tmp_path: Path, toml: str | bytes, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        # Not even a variable that comes before it makes a wrong value good.
        load(toml, PROVENANCE_SECOND_ENGINE="1")
    path = tmp_path / ".config/provenance/config.toml"
    assert str(error.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_no_missing_file(load: Load, tmp_path: Path) -> None:
    load()
    (tmp_path / ".config/provenance/config.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"config\.toml: cannot be read: is a directory"):
        load()


def test_settings_cannot_be_changed(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().second_engine = True  # type: ignore[misc]


def test_the_service_has_a_table_of_its_own(load: Load) -> None:
    from_file = load(
        "[service]\nport = 9\ntrusted_hosts = ['a.example', 'b.example']\nby_reference = true\n"
        "uploads = '~/u'\nrate_per_key = '5/minute'\n"
    )
    from_environment = load(
        "",
        PROVENANCE_SERVICE_PORT="9",
        PROVENANCE_SERVICE_TRUSTED_HOSTS="a.example,b.example",
        PROVENANCE_SERVICE_BY_REFERENCE="true",
        PROVENANCE_SERVICE_UPLOADS="~/u",
        PROVENANCE_SERVICE_RATE_PER_KEY="5/minute",
    )
    assert from_file.service == from_environment.service
    assert from_file.service.trusted_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[service]\nprot = 9\n", "service.prot: unknown setting; there are host, port"),
        ("[service]\nport = '9'\n", "service.port: input should be a valid integer"),
        ("[service]\nrate_per_key = 'often'\n", "service.rate_per_key: expected a rate like"),
        ("[service]\ncors_origins = ['*']\n", "service.cors_origins: expected an origin like"),
        ("service = 3\n", "service: input should be"),
        (
            "[service]\nmax_uploads = 4\nmax_uploads_per_key = 5\n",
            "max_uploads_per_key: expected at most max_uploads (4), got 5",
        ),
        (
            "[service]\nmax_uploads_per_address = 0\n",
            "service.max_uploads_per_address: input should be greater than or equal to 1",
        ),
        (
            "[service]\nmin_upload_bytes_per_s = -1\n",
            "service.min_upload_bytes_per_s: input should be greater than or equal to 0",
        ),
        (
            "[service]\ntrusted_proxies = ['10.0.0.2', 'proxy.internal']\n",
            "service.trusted_proxies: expected an address, a network like 10.0.0.0/8 with no",
        ),
        ("[service]\ntrusted_proxies = ['10.0.0.2/8']\n", "or * alone, got '10.0.0.2/8'"),
        ("[service]\ntrusted_proxies = ['10.0.0.2:80']\n", "or * alone, got '10.0.0.2:80'"),
        ("[service]\ntrusted_proxies = ['*', '10.0.0.2']\n", "or * alone, got '*'"),
        ("[service]\ntrusted_proxies = ['']\n", "or * alone, got ''"),
    ],
)
def test_what_is_wrong_with_the_service_is_said_with_its_place(
    load: Load, text: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        load(text)


@pytest.mark.parametrize(("most", "address", "key"), [(256, 32, 128), (4, 1, 2), (1, 1, 1)])
def test_nobody_has_all_uploads_by_default(most: int, address: int, key: int) -> None:
    service = ServiceSettings(max_uploads=most)
    assert (service.uploads_per_address, service.uploads_per_key) == (address, key)


@pytest.mark.parametrize(
    "proxies",
    ["10.0.0.2", "10.0.0.0/8", "::ffff:10.0.0.2", "2001:db8::/32", "fe80::1%eth0", "*"],
)
def test_whom_a_proxy_can_be_met_under_is_taken(load: Load, proxies: str) -> None:
    assert load(f"[service]\ntrusted_proxies = ['{proxies}']\n").service.trusted_proxies == (
        proxies,
    )


def test_in_the_environment_there_may_be_spaces_between_several_values(load: Load) -> None:
    service = load(
        "",
        PROVENANCE_SERVICE_TRUSTED_HOSTS="a.example, b.example",
        PROVENANCE_SERVICE_TRUSTED_PROXIES="10.0.0.2, 10.0.0.3,",
        PROVENANCE_SERVICE_CORS_ORIGINS="",
    ).service
    assert service.trusted_hosts == ("a.example", "b.example")
    assert service.trusted_proxies == ("10.0.0.2", "10.0.0.3")
    assert service.cors_origins == ()
