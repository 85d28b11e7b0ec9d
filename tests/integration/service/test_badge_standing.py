"""Badges and answers after the directory has changed: they claim no more than would be said now."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest

from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.private_keys import generate_key, write_new_key
from provenance.verdict import Verdict
from tests.factory import pki
from tests.factory.service import RunningService, running_service

Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Badge:
    """An official file's answer and its badge, on a service whose directory can change."""

    service: RunningService
    client: httpx2.Client
    directory: Path
    report: str
    token: str

    def put(self, change: Change) -> None:
        """Publish the next version of the directory, and wait until it is judged with."""
        document = json.loads(self.directory.read_text("utf-8"))
        document["version"] += 1
        change(document)
        new = self.directory.with_suffix(".new")
        new.write_text(json.dumps(document), "utf-8")
        new.replace(self.directory)
        for _ in range(300):
            standing = self.client.get(f"/v1/reports/{self.report}/standing").json()
            if "directory" in standing["stale_because"]:
                return
            time.sleep(0.1)
        raise AssertionError(standing)

    def holds(self) -> bool:
        """What a program is told."""
        return bool(self.client.get(f"/v1/reports/{self.report}/standing").json()["holds"])

    def stands(self) -> bool:
        """What the element is told."""
        answer = self.client.get("/badge-standing", params={"token": self.token})
        return bool(answer.json()["stands"])

    def drawn(self) -> str:
        """The badge for places without scripts."""
        return self.client.get(f"/r/{self.report}/badge.svg", params={"lang": "en"}).text

    def history(self) -> str:
        """What the file was made from, as a picture."""
        return self.client.get(f"/r/{self.report}/history.svg", params={"lang": "en"}).text

    def page(self) -> str:
        """The answer's page."""
        return self.client.get(f"/r/{self.report}", params={"lang": "en"}).text

    def make(self) -> httpx2.Response:
        """Another badge."""
        return self.client.post(f"/r/{self.report}/badge", data={"origin": "https://a.example"})

    def said_now(self, data: bytes) -> str:
        """The verdict of the same file today."""
        return str(self.client.put("/v1/verify", content=data).json()["verdict"])


@pytest.fixture
def badge(agency: DevAgency, signed_jpeg: bytes, tmp_path: Path) -> Iterator[Badge]:
    directory, key = tmp_path / "directory.json", tmp_path / "service.pem"
    directory.write_text(json.dumps(agency.directory_entry()), "utf-8")
    write_new_key(key, generate_key("EdDSA"), passphrase=None, unsafe_plain=True)
    with (
        running_service(
            tmp_path / "home",
            directory=directory,
            moderation=False,
            service_signing_key=str(key),
            service_refresh_s="0.3",
        ) as service,
        service.client() as client,
    ):
        answer = client.put("/v1/verify", content=signed_jpeg)
        assert answer.json()["verdict"] == Verdict.OFFICIAL
        report = answer.headers["location"].rpartition("/")[2]
        made = client.post(f"/r/{report}/badge", data={"origin": "https://a.example"})
        found = re.search(r'for="ID" token="([^"]+)"', unescape(made.text))
        assert found, made.text
        yield Badge(service, client, directory, report, found.group(1))


def test_a_badge_falls_with_the_agencys_anchor(badge: Badge, signed_jpeg: bytes) -> None:
    assert badge.stands() is badge.holds() is True

    badge.put(lambda document: document["agencies"][0].update(anchors=[]))

    assert badge.said_now(signed_jpeg) == Verdict.SIGNED_UNRECOGNISED
    assert badge.stands() is badge.holds() is False
    assert "Out of date" in badge.drawn()
    assert "Official release" not in badge.drawn()
    heading = re.search(r'<p class="label">.*?</p>\s*<h1>.*?</h1>', badge.page(), re.DOTALL)
    assert heading
    assert "No longer confirmed" in heading.group()
    assert "Official release" not in heading.group()
    assert "Official release" not in badge.page().partition("</title>")[0]
    refused = badge.make()
    assert (refused.status_code, "token=" in refused.text) == (409, False)
    answer = badge.client.get("/badge", params={"token": badge.token, "lang": "en"})
    assert "Out of date" in answer.text
    assert "Valid until" not in answer.text
    # What stands below was found then.
    assert badge.page().count("The answer of") == 2
    assert "No longer confirmed" in badge.history()
    assert "Official release" not in badge.history()


def test_a_badge_stands_when_another_agency_changes(badge: Badge, signed_jpeg: bytes) -> None:
    other = create_dev_agency(
        name="Borealis Records",
        name_ko="보레알리스 레코드",
        organization="Borealis Records",
        artists=["POLE"],
        at=pki.NOT_BEFORE,
    )

    badge.put(lambda document: document["agencies"].extend(other.directory_entry()["agencies"]))

    assert badge.said_now(signed_jpeg) == Verdict.OFFICIAL
    assert badge.stands()
    assert "Official release" in badge.drawn()
    label = re.search(r'<p class="label">.*?</p>', badge.page(), re.DOTALL)
    assert label
    assert "Official release" in label.group()
    assert "The answer of" not in badge.page()
    assert "Official release" in badge.history()
    answer = badge.client.get("/badge", params={"token": badge.token, "lang": "en"})
    assert "Valid until" in answer.text
    assert badge.make().status_code == 200


def test_the_compact_form_says_that_it_is_stale(badge: Badge) -> None:
    fresh = badge.client.get(f"/v1/disclosures/{badge.report}")
    assert "provenance-stale" not in fresh.headers

    badge.put(lambda document: document["agencies"][0].update(anchors=[]))

    stale = badge.client.get(f"/v1/disclosures/{badge.report}")
    assert (stale.status_code, stale.headers["provenance-stale"]) == (200, "directory")
    assert stale.json() == fresh.json()
