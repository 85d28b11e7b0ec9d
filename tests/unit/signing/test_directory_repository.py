from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import DirectoryError
from provenance.signing import directory_draft
from provenance.signing.dev_agency import DevAgency
from provenance.signing.directory_changes import document_bytes, replace_draft
from provenance.signing.directory_draft import Limits
from provenance.signing.directory_folder import WorkingFolder
from provenance.signing.directory_repository import roll_back
from provenance.signing.directory_roots import (
    RootChange,
    collect_root_signatures,
    parse_root,
    propose_root,
    sign_proposal,
)
from provenance.signing.directory_start import DEFAULT_PLAN, create_working_folder
from provenance.signing.repository_files import RepositoryFiles
from provenance.trust.directory_files import locked
from tests.factory import media
from tests.factory.keepers import Keepers, now


@pytest.fixture
def keepers(tmp_path: Path) -> Keepers:
    """A root in force, and nothing published."""
    return Keepers(tmp_path / "work")


def published(keepers: Keepers) -> Any:
    return RepositoryFiles(keepers.repository).load().document


# Samples.


def test_a_draft_is_published_when_it_judges_its_samples_as_it_should(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    done = keepers.publish()
    assert done.directory.source == "TUF, version 1"
    assert published(keepers).version == 1
    assert published(keepers).issued_at == keepers.at


def test_an_agency_without_samples_is_refused_by_name(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    for name, kind in (("good", "known-good"), ("bad", "known-bad")):
        path = keepers.folder.samples / "aurora-entertainment" / f"{name}.jpg"
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(DirectoryError, match=f"aurora-entertainment: expected a {kind} file"):
            keepers.publish()
        path.write_bytes(data)
    keepers.publish()


def test_a_good_file_that_is_not_official_and_a_bad_one_that_is_are_refused(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes, signed: Callable[..., bytes]
) -> None:
    keepers.take_in(agency, media.jpeg(5))
    with pytest.raises(
        DirectoryError, match=r"good\.jpg: expected official of aurora-entertainment, got unverif"
    ):
        keepers.publish()
    keepers.sample("aurora-entertainment", "good", signed_jpeg, replace=True)
    keepers.sample("aurora-entertainment", "bad", signed("jpeg", 3))
    with pytest.raises(DirectoryError, match=r"bad-2\.jpg: is known to be bad, and comes back off"):
        keepers.publish()
    assert not (keepers.repository / "metadata" / "timestamp.json").exists()


def test_the_good_file_of_another_agency_does_not_count(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    keepers.change(
        directory_draft.add_agency, "other", names={"en": "Other Example"}, limits=Limits()
    )
    keepers.change(directory_draft.add_key, "other", "k", spki_sha256="ab" * 32, limits=Limits())
    keepers.sample("other", "good", signed_jpeg)
    keepers.sample("other", "bad", media.jpeg(9))
    with pytest.raises(DirectoryError, match="expected official of other, got official"):
        keepers.publish()


def test_a_disowned_leaf_no_longer_makes_a_good_file(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    keepers.change(
        directory_draft.revoke_key,
        "aurora-entertainment",
        spki_sha256=agency.leaf_spki_sha256,
        since=None,
        reason="stolen",
    )
    with pytest.raises(DirectoryError, match=r"got signed-unrecognised \(key-disowned\)"):
        keepers.publish()


# The journal.


def test_a_draft_changed_behind_the_journal_is_not_published(keepers: Keepers) -> None:
    draft = keepers.folder.load_draft().document
    changed = document_bytes(draft.model_copy(update={"name": "Another"}))
    keepers.folder.draft.write_bytes(changed)
    with pytest.raises(DirectoryError, match="was changed without a line in the journal"):
        keepers.publish()
    replace_draft(keepers.folder, changed, where="mine.json", account=keepers.account())
    keepers.publish()
    assert published(keepers).name == "Another"


def test_the_journal_tells_who_did_what_when_and_on_what_evidence(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    keepers.publish()
    lines = keepers.folder.journal.read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["action"] for entry in entries] == [
        "init", "sign-root", "sign-root", "add-agency", "add-anchor", "add-sample", "add-sample",
        "publish-started", "publish",
    ]  # fmt: skip
    assert {(entry["by"], entry["evidence"]) for entry in entries} == {("Kim", "a test")}
    assert "오로라 엔터테인먼트" in lines[3]
    assert entries[4]["what"].startswith("agency aurora-entertainment gains anchor root, cert")


def test_nobody_answers_for_nothing(keepers: Keepers) -> None:
    account = replace(keepers.account(), by="")
    with pytest.raises(DirectoryError, match="journal: by: String should have at least 1"):
        propose_root(keepers.folder, RootChange(), account=account)


# Versions.


def test_a_number_that_a_crash_used_is_not_used_again(keepers: Keepers) -> None:
    keepers.publish()
    for role in ("targets", "snapshot"):
        (keepers.repository / "metadata" / f"2.{role}.json").write_bytes(b"half")
    keepers.publish()
    assert published(keepers).version == 3
    assert (keepers.repository / "metadata" / "2.targets.json").read_bytes() == b"half"


def test_a_clock_that_went_back_publishes_nothing(keepers: Keepers) -> None:
    keepers.publish()
    with pytest.raises(DirectoryError, match="is the clock right"):
        keepers.publish(at=keepers.at - timedelta(days=1))


def test_too_few_keys_publish_nothing_and_leave_no_trace(keepers: Keepers) -> None:
    keys = keepers.keys("snapshot", "timestamp") + keepers.keys("targets")[:1]
    with pytest.raises(DirectoryError, match="targets was signed by 1/2 keys"):
        keepers.publish(keys=keys)
    assert [path.name for path in (keepers.repository / "metadata").iterdir()] == ["1.root.json"]
    assert list((keepers.repository / "targets").iterdir()) == []


def test_renewing_needs_targets_metadata_that_is_still_good(keepers: Keepers) -> None:
    keepers.publish()
    loaded = keepers.renew(at=keepers.at + timedelta(days=80))
    assert loaded.document.version == 1
    assert loaded.fresh_until == keepers.at + timedelta(days=90)
    with pytest.raises(DirectoryError, match="its root or targets metadata expired at"):
        keepers.renew(at=keepers.at + timedelta(days=91))


def test_an_earlier_content_comes_back_under_a_new_number(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    keepers.publish()
    keepers.change(
        directory_draft.add_key, agency.agency_id, "k", spki_sha256="ab" * 32, limits=Limits()
    )
    keepers.publish()
    changes = roll_back(keepers.folder, 1, account=keepers.account())
    assert [change.kind.value for change in changes] == ["lost"]
    assert published(keepers).version == 2
    keepers.publish()
    assert published(keepers).version == 3
    assert published(keepers).agencies[0].keys == ()


def test_a_rollback_does_not_give_a_stolen_key_back(
    keepers: Keepers, agency: DevAgency, signed_jpeg: bytes
) -> None:
    keepers.take_in(agency, signed_jpeg)
    keepers.publish()
    keepers.change(
        directory_draft.set_compromised,
        agency.agency_id,
        what="anchors",
        entry_id="root",
        since=keepers.at,
    )
    keepers.publish()
    with pytest.raises(DirectoryError, match=r"would bring back what was disowned since \(--rest"):
        roll_back(keepers.folder, 1, account=keepers.account())
    roll_back(keepers.folder, 1, account=keepers.account(), restore_disowned=True)
    keepers.publish()
    assert published(keepers).agencies[0].anchors[0].compromised_since is None


def test_there_is_no_rollback_to_what_never_was(keepers: Keepers) -> None:
    with pytest.raises(DirectoryError, match="nothing has been published here"):
        roll_back(keepers.folder, 1, account=keepers.account())
    keepers.publish()
    with pytest.raises(DirectoryError, match=r"7\.targets\.json: cannot be read"):
        roll_back(keepers.folder, 7, account=keepers.account())


# Roots.


def test_nothing_is_published_before_the_first_root_is_signed(tmp_path: Path) -> None:
    keepers = Keepers(tmp_path / "work", sign_root=False)
    with pytest.raises(DirectoryError, match="root has not been signed yet; it needs 2 more"):
        keepers.publish()


def test_a_root_is_signed_on_another_machine(tmp_path: Path) -> None:
    keepers = Keepers(tmp_path / "work", sign_root=False)
    for number, holder in enumerate(keepers.keys("root")[:2]):
        carried = parse_root(keepers.folder.proposal.read_bytes(), where="carried")
        sign_proposal(carried, holder)
        proposal = collect_root_signatures(keepers.folder, carried, account=keepers.account())
        assert proposal.missing == 1 - number
    assert (keepers.repository / "metadata" / "1.root.json").exists()


def test_strangers_and_signatures_for_another_root_are_refused(
    tmp_path: Path, keepers: Keepers
) -> None:
    other = Keepers(tmp_path / "other")
    propose_root(keepers.folder, RootChange(), account=keepers.account())
    with pytest.raises(DirectoryError, match="is not one that this root asks for"):
        collect_root_signatures(keepers.folder, other.keys("root")[0], account=keepers.account())
    carried = parse_root(other.root, where="carried")
    with pytest.raises(DirectoryError, match="for another root than the one proposed"):
        collect_root_signatures(keepers.folder, carried, account=keepers.account())
    spoilt = parse_root(keepers.folder.proposal.read_bytes(), where="carried")
    holder = keepers.keys("root")[0]
    sign_proposal(spoilt, holder)
    spoilt.signatures[holder.public_key.keyid].signature = "00" * 64
    with pytest.raises(DirectoryError, match="does not fit"):
        collect_root_signatures(keepers.folder, spoilt, account=keepers.account())


def test_one_key_never_counts_for_two(keepers: Keepers) -> None:
    shared = keepers.keys("timestamp")[0].public_key
    with pytest.raises(
        DirectoryError,
        match="timestamp: expected a key of its own",
    ):
        propose_root(
            keepers.folder, RootChange(add={"targets": [shared]}), account=keepers.account()
        )
    again = type(shared)("another-id", shared.keytype, shared.scheme, dict(shared.keyval))
    with pytest.raises(DirectoryError, match="timestamp: expected a key of its own"):
        propose_root(
            keepers.folder, RootChange(add={"timestamp": [again]}), account=keepers.account()
        )


def test_a_threshold_that_nobody_can_meet_is_refused(keepers: Keepers) -> None:
    with pytest.raises(DirectoryError, match="root: expected at least 4 keys, got 3"):
        propose_root(keepers.folder, RootChange(thresholds={"root": 4}), account=keepers.account())


# The folder.


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", "utf-8")
    with pytest.raises(DirectoryError, match="mine: expected a new or empty folder"):
        Keepers(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_key_without_a_passphrase_is_not_made(tmp_path: Path, keepers: Keepers) -> None:
    with pytest.raises(DirectoryError, match="key root-1: expected a passphrase, got none"):
        create_working_folder(
            tmp_path / "new",
            name="Trial",
            test=True,
            plan=DEFAULT_PLAN,
            holders=(),
            passphrases=lambda _: None,
            unsafe_plain=False,
            account=keepers.account(now()),
        )
    assert not (tmp_path / "new").exists()


def test_two_at_once_do_not_get_in_each_others_way(keepers: Keepers) -> None:
    with (
        locked(keepers.folder.path / ".lock"),
        pytest.raises(DirectoryError, match="another process is changing it"),
    ):
        keepers.publish()
    keepers.publish()


def test_another_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match="expected a folder made by `provenance directory in"):
        WorkingFolder(tmp_path)
