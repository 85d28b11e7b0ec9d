"""Who is told what follows from decisions: what the operator wrote, and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError
from provenance.moderation.outcomes.receivers import Receiver, ReceiverKind
from provenance.runtime.receivers_file import load_receivers

SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()
PLATFORM = f'[[receiver]]\nurl = "https://platform.example/hook"\nsecret = "{SECRET}"\n'
MAIL = f'[[receiver]]\nurl = "http://127.0.0.1:8025/m"\nsecret = "{SECRET}"\nkind = "mail"\n'


def load(path: Path, text: str, *allow: str, mode: int = 0o600) -> tuple[Receiver, ...]:
    file = path / "receivers.toml"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return load_receivers(file, network_allow=allow)


def test_what_is_there(tmp_path: Path) -> None:
    text = PLATFORM + 'events = ["action.requested"]\n' + MAIL
    platform, mail = load(tmp_path, text, "127.0.0.1:8025")
    assert (platform.url, platform.secret) == ("https://platform.example/hook", b"s" * 24)
    assert platform.wants("action.requested")
    assert not platform.wants("action.reversed")
    assert (mail.kind, mail.wants("statement.issued")) == (ReceiverKind.MAIL, True)
    assert "sssss" not in repr(platform)
    assert load(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[receiver]", "expected TOML"),
        (PLATFORM.replace("https", "ftp"), "receiver.0.url"),
        (PLATFORM.replace(SECRET, "short"), "receiver.0.secret"),
        (PLATFORM + 'events = ["no.such"]\n', "receiver.0.events: expected some of"),
        (PLATFORM + 'kind = "other"\n', "receiver.0.kind"),
        (PLATFORM + "more = 1\n", "receiver.0.more"),
        # A contact goes to no address that the operator did not allow by name.
        (MAIL, "expected the host:port of a mail receiver in network_allow"),
        (MAIL.replace("127.0.0.1:8025", "mail.example"), "network_allow, got 'mail.example:80'"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        load(tmp_path, text, "127.0.0.1:9999")
    assert SECRET not in str(caught.value)


def test_others_may_not_read_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mode 600"):
        load(tmp_path, PLATFORM, mode=0o644)
