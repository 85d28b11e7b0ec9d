"""The table `[staff]`: from a file and from the environment alike, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import ConfigurationError
from provenance.runtime.settings import Settings, load_settings

ISSUER = "https://id.example.org/realms/one"


def load(tmp_path: Path, toml: str = "", **variables: str) -> Settings:
    config = tmp_path / ".config" / "provenance"
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text(toml, "utf-8")
    return load_settings(environ={"HOME": str(tmp_path), **variables})


def test_file_and_environment_say_the_same(tmp_path: Path) -> None:
    from_file = load(
        tmp_path,
        f"[staff]\nkey_file = '/k'\nsession_hours = 8.0\noidc_issuer = '{ISSUER}'\n"
        "oidc_client_id = 'one'\noidc_hosts = ['keys.example.org']\n"
        "oidc_roles = ['moderators=reviewer', 'a=b=senior']\n",
    )
    from_environment = load(
        tmp_path,
        PROVENANCE_STAFF_KEY_FILE="/k",
        PROVENANCE_STAFF_SESSION_HOURS="8",
        PROVENANCE_STAFF_OIDC_ISSUER=ISSUER,
        PROVENANCE_STAFF_OIDC_CLIENT_ID="one",
        PROVENANCE_STAFF_OIDC_HOSTS="keys.example.org",
        PROVENANCE_STAFF_OIDC_ROLES="moderators=reviewer,a=b=senior",
    )
    assert from_file == from_environment
    assert from_file.staff.oidc_roles == ("moderators=reviewer", "a=b=senior")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"OIDC_ISSUER": ISSUER}, "oidc_issuer and oidc_client_id together"),
        ({"OIDC_ISSUER": "http://id.example.org"}, "expected an https issuer"),
        ({"OIDC_ISSUER": "https://a@id.example.org"}, "expected an issuer like"),
        ({"OIDC_ISSUER": "https://id.example.org/?a=b"}, "expected an issuer like"),
        ({"OIDC_ISSUER": "https://[x"}, "expected an issuer like"),
        ({"OIDC_ROLES": "moderators=boss"}, "expected GROUP=ROLE"),
        ({"OIDC_ROLES": "reviewer"}, "expected GROUP=ROLE"),
        ({"OIDC_ROLES": "leads=senior,leads=legal"}, "expected each group once, got 'leads'"),
        ({"SESSION_HOURS": "0"}, "greater than 0"),
        ({"FRESH_MINUTES": "90"}, "less than or equal to 60"),
        ({"PASSWORD": "x"}, "unknown setting; there are key_file"),
    ],
)
def test_what_is_refused(tmp_path: Path, values: dict[str, str], said: str) -> None:
    variables = {f"PROVENANCE_STAFF_{name}": value for name, value in values.items()}
    with pytest.raises(ConfigurationError, match=said):
        load(tmp_path, **variables)


def test_a_provider_on_ones_own_machine_may_do_without_https(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        PROVENANCE_STAFF_OIDC_ISSUER="http://127.0.0.1:9000",
        PROVENANCE_STAFF_OIDC_CLIENT_ID="one",
    )
    assert loaded.staff.oidc_issuer == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("service", "base"),
    [
        ("host = '192.0.2.1'", "http://192.0.2.1:8080"),
        ("host = '2001:db8::1'\nport = 80", "http://[2001:db8::1]:80"),
        (
            "host = '::'\npublic_url = 'https://moderation.example.org'",
            "https://moderation.example.org",
        ),
    ],
)
def test_links_begin_where_the_service_is_reached(tmp_path: Path, service: str, base: str) -> None:
    assert load(tmp_path, f"[service]\n{service}\n").service.base_url == base
