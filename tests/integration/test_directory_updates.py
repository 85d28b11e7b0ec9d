"""The directory from its keepers to its users: over HTTP, offline, attacked, interrupted."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]

from provenance.errors import DirectoryError
from provenance.findings import FindingCode
from provenance.runtime.directory_client import load_cached_directory, update_directory
from provenance.signing import directory_draft
from provenance.signing.dev_agency import DevAgency
from provenance.signing.directory_draft import Limits
from provenance.signing.directory_keys import load_signer, write_new_key
from provenance.signing.directory_roots import RootChange, collect_root_signatures, propose_root
from provenance.trust.lists import ListPurpose
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier
from tests.factory import media, pki
from tests.factory.judging import House, house, trust_list
from tests.factory.keepers import Keepers, forge, now, serving
from tests.factory.sign import sign
from tests.factory.surgery import forge_timestamp
from tests.factory.tsa import make_authority

JPEG = "image/jpeg"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def keepers(tmp_path: Path, agency: DevAgency, signed_jpeg: bytes) -> Keepers:
    """Keepers who have published version 1, with the sample agency in it."""
    made = Keepers(tmp_path / "work")
    made.take_in(agency, signed_jpeg)
    made.publish()
    return made


class Web:
    """A web server whose folder can be swapped under a client."""

    def __init__(self, folder: Path) -> None:
        self._link = folder / "served"
        self.folder = folder

    def serve(self, repository: Path) -> None:
        """Serve this from now on."""
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(repository)

    @property
    def path(self) -> Path:
        return self._link


@pytest.fixture
def web(tmp_path: Path, keepers: Keepers) -> Iterator[tuple[Web, str]]:
    site = Web(tmp_path)
    site.serve(keepers.repository)
    with serving(site.path) as address:
        yield site, address


@pytest.fixture
def client(tmp_path: Path, keepers: Keepers, web: tuple[Web, str]) -> Path:
    """A client that has version 1, over HTTP."""
    folder = keepers.client(tmp_path / "client", web[1])
    assert update_directory(folder).before is None
    return folder


def version_of(client: Path) -> int:
    return load_cached_directory(client).document.version


def refused(client: Path, words: str, *, keeps: int = 1) -> None:
    """An update is refused for this reason, and the version in use stays."""
    with pytest.raises(DirectoryError, match=words):
        update_directory(client)
    assert version_of(client) == keeps


# The stolen key.


def test_the_stolen_key_drill(tmp_path: Path) -> None:
    stamped_at, stolen_at = now() - timedelta(days=60), now() - timedelta(days=30)
    tsa_root, tsa = make_authority("Meridian")
    lists = [trust_list("meridian", tsa_root, purpose=ListPurpose.TIME_STAMP)]
    aurora: House = house()
    press = aurora.signer("Press")
    leaf = pki.issue(
        pki.name("Press TEST leaf"), aurora.issuing, eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION)
    )

    def stamped(seed: int, at: Any) -> bytes:
        plain = sign(media.jpeg(seed), JPEG, signer=press)
        return forge_timestamp(plain, JPEG, tsa=tsa, gen_time=at)

    def judged(client: Path, data: bytes) -> Any:
        directory = load_cached_directory(client)
        verifier = Verifier(directory=directory, time_stamp_lists=lists, clock=now)
        return verifier.verify(data)

    # The agency is taken in with one key, and everybody has the directory.
    release = stamped(1, stamped_at)
    keepers = Keepers(tmp_path / "work")
    keepers.change(
        directory_draft.add_agency,
        "aurora",
        names={"en": "Aurora Entertainment"},
        limits=Limits(),
    )
    keepers.change(
        directory_draft.add_key,
        "aurora",
        "press",
        spki_sha256=pki.spki_sha256(leaf.certificate),
        limits=Limits(),
    )
    keepers.sample("aurora", "good", release)
    keepers.sample("aurora", "bad", media.jpeg(9))
    keepers.publish(time_stamp_lists=lists)
    client = keepers.client(tmp_path / "client")
    update_directory(client)

    # The key is stolen. What the thief signs is official wherever nobody knows yet.
    lookalike = sign(media.jpeg(2), JPEG, signer=press)
    dated = stamped(3, stolen_at + timedelta(days=1))
    assert judged(client, release).verdict is Verdict.OFFICIAL
    assert judged(client, lookalike).verdict is Verdict.OFFICIAL
    assert judged(client, dated).verdict is Verdict.OFFICIAL

    # The keepers say since when; the agency has no other key, so publishing asks for no
    # good file, and the thief's work is kept as a bad one.
    keepers.change(
        directory_draft.set_compromised, "aurora", what="keys", entry_id="press", since=stolen_at
    )
    keepers.sample("aurora", "bad", lookalike)
    done = keepers.publish(time_stamp_lists=lists)
    assert done.notes == ("aurora: has no key that counts now; its good files are not judged",)
    assert [change.kind.value for change in done.changes] == ["disowned"]

    # Until they update, clients go on with what they have.
    assert judged(client, lookalike).verdict is Verdict.OFFICIAL
    assert update_directory(client).before == 1

    assert judged(client, release).verdict is Verdict.OFFICIAL
    for thiefs in (lookalike, dated):
        report = judged(client, thiefs)
        assert report.verdict is Verdict.SIGNED_UNRECOGNISED
        assert report.has(FindingCode.KEY_DISOWNED)
        assert report.signer.disowned_by.id == "aurora"

    # A new key, with a new known-good file.
    fresh = aurora.signer("Press second")
    fresh_leaf = pki.issue(
        pki.name("Press second TEST leaf"),
        aurora.issuing,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
    )
    keepers.change(
        directory_draft.add_key,
        "aurora",
        "press-2",
        spki_sha256=pki.spki_sha256(fresh_leaf.certificate),
        limits=Limits(),
    )
    again = sign(media.jpeg(4), JPEG, signer=fresh)
    keepers.sample("aurora", "good", again)
    assert keepers.publish(time_stamp_lists=lists).notes == ()
    update_directory(client)
    assert judged(client, again).verdict is Verdict.OFFICIAL
    assert judged(client, release).verdict is Verdict.OFFICIAL
    assert judged(client, lookalike).verdict is Verdict.SIGNED_UNRECOGNISED
    told = [(entry.action, entry.by) for entry in keepers.folder.load_journal()]
    assert ("set-compromised", "Kim") in told


# Old and stale.


def test_twin_a_newer_version_is_taken(client: Path, keepers: Keepers) -> None:
    keepers.publish()
    assert update_directory(client).before == 1
    assert version_of(client) == 2


def test_a_directory_rolled_back_is_refused(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str]
) -> None:
    old = shutil.copytree(keepers.repository, tmp_path / "old")
    keepers.publish()
    update_directory(client)
    web[0].serve(old)
    refused(client, "update refused: New timestamp version 1 must be >= 2", keeps=2)


def test_an_old_directory_under_a_new_number_is_refused(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str]
) -> None:
    # The snapshot of version 1 cannot be given out with the timestamp of version 2.
    keepers.publish()
    mixed = shutil.copytree(keepers.repository, tmp_path / "mixed")
    for role in ("snapshot", "targets"):
        shutil.copy(mixed / f"metadata/1.{role}.json", mixed / f"metadata/2.{role}.json")
    web[0].serve(mixed)
    refused(client, "update refused: (Observed|Expected) ")
    web[0].serve(keepers.repository)
    update_directory(client)
    assert version_of(client) == 2


def test_an_expired_directory_is_refused_until_it_is_renewed(
    tmp_path: Path, agency: DevAgency, signed_jpeg: bytes
) -> None:
    past = now() - timedelta(days=20)
    keepers = Keepers(tmp_path / "work", at=past)
    keepers.take_in(agency, signed_jpeg)
    keepers.publish()
    client = keepers.client(tmp_path / "client")
    with pytest.raises(DirectoryError, match=r"update refused: timestamp\.json is expired"):
        update_directory(client)
    keepers.renew(at=now())
    assert update_directory(client).directory.age(now()).days == 20


def test_a_cached_directory_makes_nothing_official_once_it_has_expired(
    client: Path, signed_jpeg: bytes
) -> None:
    directory = load_cached_directory(client)
    assert directory.source == "TUF, version 1"
    assert directory.fresh_until is not None
    verifier = Verifier(directory=directory, clock=now)
    before = verifier.verify(signed_jpeg, at=directory.fresh_until)
    assert before.verdict is Verdict.OFFICIAL
    assert before.context.directory is not None
    assert before.context.directory.age_days == 14
    assert before.context.directory.expires_at == directory.fresh_until
    after = verifier.verify(signed_jpeg, at=directory.fresh_until + timedelta(seconds=1))
    assert after.verdict is Verdict.UNDETERMINED
    assert after.reason is FindingCode.DIRECTORY_TOO_OLD


def test_a_frozen_directory_expires_at_the_client(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str], signed_jpeg: bytes
) -> None:
    # Somebody between keepers and client goes on giving out version 1.
    frozen = shutil.copytree(keepers.repository, tmp_path / "frozen")
    keepers.publish()
    web[0].serve(frozen)
    assert update_directory(client).before == 1
    assert version_of(client) == 1
    later = now() + timedelta(days=15)
    report = Verifier(directory=load_cached_directory(client), clock=lambda: later).verify(
        signed_jpeg
    )
    assert report.reason is FindingCode.DIRECTORY_TOO_OLD


# Signed by the wrong people, or by too few.


def with_an_impostor(keepers: Keepers) -> dict[str, Any]:
    """The directory with one more agency in it, under a key of somebody else."""
    impostor = pki.three_tier("Impostor", organization="Impostor")[0]
    document = keepers.folder.load_draft().document.model_dump(mode="json")
    document["agencies"].append(
        {
            "id": "impostor",
            "names": [{"language": "en", "name": "Aurora Entertainment Official"}],
            "test": True,
            "keys": [{"id": "k", "spki_sha256": pki.spki_sha256(impostor.certificate)}],
        }
    )
    return document


def test_one_stolen_key_adds_no_agency(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str]
) -> None:
    # Both online keys of the machine are gone as well: it takes the second person.
    stolen = [keepers.keys("targets")[0], *keepers.keys("snapshot", "timestamp")]
    web[0].serve(
        forge(keepers.repository, tmp_path / "f", keys=stolen, document=with_an_impostor(keepers))
    )
    refused(client, "targets was signed by 1/2 keys")


def test_twin_both_keepers_add_an_agency(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str]
) -> None:
    keys = keepers.keys("targets", "snapshot", "timestamp")
    web[0].serve(
        forge(keepers.repository, tmp_path / "f", keys=keys, document=with_an_impostor(keepers))
    )
    update_directory(client)
    ids = [agency.id for agency in load_cached_directory(client).document.agencies]
    assert ids == ["aurora-entertainment", "impostor"]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (("targets", "snapshot"), "timestamp was signed by 0/1 keys"),
        (("targets", "timestamp"), "snapshot was signed by 0/1 keys"),
        (("snapshot", "timestamp"), "targets was signed by 0/2 keys"),
        (("root",), "timestamp was signed by 0/1 keys"),
    ],
)
def test_signed_by_too_few_is_refused(
    client: Path, keepers: Keepers, web: tuple[Web, str], held: tuple[str, ...], words: str
) -> None:
    web[0].serve(forge(keepers.repository, client.parent / "f", keys=keepers.keys(*held)))
    refused(client, words)


def test_a_thief_of_the_online_keys_cannot_keep_a_version_fresh_beyond_its_targets(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str]
) -> None:
    online = keepers.keys("snapshot", "timestamp")
    web[0].serve(
        forge(keepers.repository, tmp_path / "f", keys=online, new_targets=False, days=3650)
    )
    update_directory(client)
    loaded = load_cached_directory(client)
    assert loaded.document.version == 1
    assert loaded.fresh_until == loaded.document.issued_at + timedelta(days=90)


@pytest.mark.parametrize("how", ["flipped", "longer", "shorter", "gone"])
def test_a_tampered_directory_is_refused(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str], how: str
) -> None:
    keepers.publish()
    bad = shutil.copytree(keepers.repository, tmp_path / "bad")
    digest = load_digest(bad, 2)
    target = bad / "targets" / f"{digest}.directory.json"
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    changed = {
        "flipped": bytes(data),
        "longer": target.read_bytes() + b" ",
        "shorter": target.read_bytes()[:-1],
    }
    words = {
        "flipped": "Observed hash",
        "longer": "exceeding the maximum allowed length",
        "shorter": "Observed length",
        "gone": "expected status 200, got 404",
    }
    if how == "gone":
        target.unlink()
    else:
        target.write_bytes(changed[how])
    web[0].serve(bad)
    refused(client, words[how])
    web[0].serve(keepers.repository)
    update_directory(client)
    assert version_of(client) == 2


def load_digest(repository: Path, version: int) -> str:
    document = json.loads((repository / f"metadata/{version}.targets.json").read_bytes())
    return str(document["signed"]["targets"]["directory.json"]["hashes"]["sha256"])


# Servers that send too much, or elsewhere.


@pytest.mark.parametrize("name", ["2.root.json", "timestamp.json", "2.snapshot.json"])
def test_endless_metadata_is_refused_at_its_limit(
    tmp_path: Path, keepers: Keepers, name: str
) -> None:
    keepers.publish()
    sent = 0

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal sent
            path = keepers.repository / self.path.lstrip("/")
            if not path.exists() and path.name != name:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            if path.name != name:
                self.wfile.write(path.read_bytes())
                return
            try:
                while True:
                    sent += self.wfile.write(b" " * 65536)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with serving(Endless) as address:
        client = keepers.client(tmp_path / "client", address)
        with pytest.raises(DirectoryError, match="exceeding the maximum allowed length"):
            update_directory(client)
    # What a socket's buffers take, beyond the limit of a root.
    assert sent < 16 * 1024 * 1024


def test_a_redirect_is_not_followed(tmp_path: Path, keepers: Keepers) -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/other.json")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with serving(Elsewhere) as address:
        client = keepers.client(tmp_path / "client", address)
        with pytest.raises(DirectoryError, match="expected status 200, got 302"):
            update_directory(client)
    assert asked == ["/metadata/2.root.json"]


# Roots.


def new_key(keepers: Keepers, name: str) -> tuple[SSlibKey, CryptoSigner]:
    """A further key, kept in the working folder."""
    public = write_new_key(keepers.folder.keys, name, passphrase=None, unsafe_plain=True)
    return public, load_signer(keepers.folder.keys / f"{name}.pem", lambda _: None)


def rotated(root: bytes, keys: list[CryptoSigner], *signers: CryptoSigner) -> bytes:
    """A second root with these keys in the place of all others, signed by the signers."""
    metadata: Metadata[Root] = Metadata.from_bytes(root)
    metadata.signed.version = 2
    for role in ("root", "targets", "snapshot", "timestamp"):
        for keyid in list(metadata.signed.roles[role].keyids):
            metadata.signed.revoke_key(keyid, role)
        for key in keys:
            metadata.signed.add_key(key.public_key, role)
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


@pytest.mark.parametrize("stolen", [0, 1, 2])
def test_a_new_root_needs_the_threshold_of_the_old_one(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str], stolen: int
) -> None:
    own = [CryptoSigner.generate_ed25519() for _ in range(2)]
    signers = [*keepers.keys("root")[:stolen], *own]
    taken = forge(keepers.repository, tmp_path / "f", keys=own)
    (taken / "metadata/2.root.json").write_bytes(rotated(keepers.root, own, *signers))
    web[0].serve(taken)
    if stolen < 2:
        refused(client, f"root was signed by {stolen}/2 keys")
    else:
        # Whoever holds two of the three root keys holds the directory.
        update_directory(client)
        assert version_of(client) == 2


def test_a_new_root_has_to_be_signed_by_its_own_keys_too(
    tmp_path: Path, client: Path, keepers: Keepers, web: tuple[Web, str]
) -> None:
    own = [CryptoSigner.generate_ed25519() for _ in range(2)]
    taken = forge(keepers.repository, tmp_path / "f", keys=own)
    data = rotated(keepers.root, own, *keepers.keys("root")[:2])
    (taken / "metadata/2.root.json").write_bytes(data)
    web[0].serve(taken)
    refused(client, "root was signed by 0/2 keys")


def test_a_holder_is_replaced(client: Path, keepers: Keepers) -> None:
    public, signer = new_key(keepers, "root-4")
    lost = keepers.keys("root")[0].public_key.keyid
    change = RootChange(add={"root": [public]}, remove={"root": [lost]})
    account = keepers.account()
    proposal = propose_root(keepers.folder, change, account=account)
    assert proposal.missing == 2
    for holder in (keepers.keys("root")[1], signer):
        proposal = collect_root_signatures(keepers.folder, holder, account=account)
    assert proposal.missing == 1
    assert not (keepers.repository / "metadata/2.root.json").exists()
    proposal = collect_root_signatures(keepers.folder, keepers.keys("root")[2], account=account)
    assert (proposal.missing, proposal.waits_for_publish) == (0, False)
    assert (keepers.repository / "metadata/2.root.json").exists()
    assert not keepers.folder.proposal.exists()
    # At once, with nothing published anew; and what comes later is under the new root.
    update_directory(client)
    keepers.publish()
    update_directory(client)
    assert version_of(client) == 2


@pytest.mark.parametrize("old_keys", ["kept", "gone"])
def test_online_keys_are_replaced_with_the_next_version(
    client: Path, keepers: Keepers, old_keys: str
) -> None:
    account = keepers.account()
    before = keepers.keys("targets", "snapshot", "timestamp")
    change: dict[str, Any] = {"add": {}, "remove": {}}
    for role in ("snapshot", "timestamp"):
        change["remove"][role] = [keepers.keys(role)[0].public_key.keyid]
        change["add"][role] = [new_key(keepers, f"{role}-2")[0]]
        if old_keys == "gone":
            (keepers.folder.keys / f"{role}-1.pem").unlink()
    propose_root(keepers.folder, RootChange(**change), account=account)
    for holder in keepers.keys("root")[:2]:
        proposal = collect_root_signatures(keepers.folder, holder, account=account)
    assert (proposal.missing, proposal.waits_for_publish) == (0, True)
    assert not (keepers.repository / "metadata/2.root.json").exists()
    assert update_directory(client).before == 1
    keepers.publish()
    assert (keepers.repository / "metadata/2.root.json").exists()
    assert update_directory(client).before == 1
    assert version_of(client) == 2
    # Whoever has only the old keys says nothing any more.
    with pytest.raises(DirectoryError, match="was signed by 0/1 keys"):
        keepers.publish(keys=before)
    keepers.publish()
    assert update_directory(client).before == 2


# Interrupted.

_PUBLISHER = """
import os, signal, sys
from pathlib import Path
from tests.factory.keepers import Keepers, ONLINE, now
from provenance.signing import directory_repository
from provenance.signing.directory_folder import Account, WorkingFolder

WRITES = {"os.rename", "os.remove", "os.mkdir", "tempfile.mkstemp"}

def child(events):
    made = Keepers.__new__(Keepers)
    made.folder, made.at = WorkingFolder(Path(sys.argv[1])), now()
    left = [events]
    def hook(event, arguments):
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if left[0] > 0 and (event in WRITES or opens):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    while True:
        made.at = now()
        made.publish()
        if events:
            os._exit(0)

print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            child(int(line))
        except BaseException as error:
            print(f"error {error!r}", flush=True)
        os._exit(1)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.fixture
def publisher(keepers: Keepers) -> Iterator[subprocess.Popen[str]]:
    """A process that publishes when told to; each time in a child that may be killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _PUBLISHER, str(keepers.folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def told(process: subprocess.Popen[str], events: int) -> Callable[[], str]:
    """Start a publication; gives what to call for the pid, and then for the status."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{events}\n")
    process.stdin.flush()
    out = process.stdout
    return lambda: out.readline().strip()


def test_killed_at_random_moments_clients_always_find_a_whole_version(
    tmp_path: Path, keepers: Keepers, publisher: subprocess.Popen[str]
) -> None:
    client = keepers.client(tmp_path / "client")
    chance = random.Random(1)
    known = 0
    for _ in range(20):
        answer = told(publisher, 0)
        pid = int(answer())
        time.sleep(chance.uniform(0.0, 0.4))
        os.kill(pid, signal.SIGKILL)
        assert answer() == str(int(signal.SIGKILL))
        update_directory(client)
        assert version_of(client) >= known
        known = version_of(client)
    assert known > 1
    keepers.publish(at=now())
    update_directory(client)
    assert version_of(client) > known


def test_killed_before_every_single_write_clients_always_find_a_whole_version(
    tmp_path: Path, keepers: Keepers, publisher: subprocess.Popen[str]
) -> None:
    client = keepers.client(tmp_path / "client")
    killed, known = 0, 1
    for event in range(1, 200):
        answer = told(publisher, event)
        answer()
        status = answer()
        update_directory(client)
        assert version_of(client) >= known
        known = version_of(client)
        if status == "0":
            break
        assert status == str(int(signal.SIGKILL))
        killed += 1
    assert killed >= 15
