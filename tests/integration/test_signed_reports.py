"""`provenance report sign | verify`: whose word a report is, offline."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from provenance.runtime.page_parts import read_service_key
from provenance.signing.private_keys import generate_key, write_new_key
from tests.factory.command_line import Cli
from tests.factory.reports import report_of


def new_key(path: Path) -> Path:
    write_new_key(path, generate_key("EdDSA"), passphrase=None, unsafe_plain=True)
    listed = {"keys": [read_service_key(path).public]}
    path.with_suffix(".json").write_text(json.dumps(listed), "utf-8")
    return path


def test_a_report_is_signed_and_checked_and_a_change_is_seen(cli: Cli, tmp_path: Path) -> None:
    key, other = new_key(tmp_path / "key.pem"), new_key(tmp_path / "other.pem")
    plain, signed = tmp_path / "report.json", tmp_path / "report.jws"
    plain.write_text(report_of().model_dump_json(), "utf-8")
    done = cli("report", "sign", str(plain), "--key", str(key), "--out", str(signed))
    assert (done.code, done.err) == (0, "")
    keys = ("--keys", str(key.with_suffix(".json")))

    told = cli("report", "verify", str(signed), *keys)
    assert told.code == 0
    assert "official: Official release of Aurora Entertainment." in told.out
    same = cli("report", "verify", str(signed), *keys, "--json")
    assert json.loads(same.out) == json.loads(plain.read_text("utf-8"))

    strange = cli("report", "verify", str(signed), "--keys", str(other.with_suffix(".json")))
    assert (strange.code, strange.out) == (1, "")
    assert "not signed with one of these keys" in strange.err

    head, body, signature = signed.read_text("ascii").strip().split(".")
    document = base64.urlsafe_b64decode(body + "==").replace(b"official", b"ufficial")
    changed = base64.urlsafe_b64encode(document).rstrip(b"=").decode()
    signed.write_text(f"{head}.{changed}.{signature}", "ascii")
    assert cli("report", "verify", str(signed), *keys).code == 1

    again = cli("report", "sign", str(plain), "--key", str(key), "--out", str(signed))
    assert again.code == 2
    assert "exists" in again.err


def test_what_is_no_report_is_not_signed(cli: Cli, tmp_path: Path) -> None:
    key, plain = new_key(tmp_path / "key.pem"), tmp_path / "report.json"
    plain.write_text("{}", "utf-8")
    out = tmp_path / "out.jws"
    done = cli("report", "sign", str(plain), "--key", str(key), "--out", str(out))
    assert done.code == 2
    assert "not a report" in done.err
    assert not out.exists()
