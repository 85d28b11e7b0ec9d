"""Keepers of a directory, the repository they publish, and thieves with some of their keys."""

from __future__ import annotations

import json
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from provenance.runtime.directory_client import set_up_directory_client
from provenance.signing import directory_draft, directory_repository
from provenance.signing.dev_agency import DevAgency
from provenance.signing.directory_changes import add_sample, change_draft
from provenance.signing.directory_draft import Limits, Subject
from provenance.signing.directory_folder import Account, WorkingFolder
from provenance.signing.directory_keys import load_signer
from provenance.signing.directory_repository import Published
from provenance.signing.directory_roots import collect_root_signatures
from provenance.signing.directory_start import DEFAULT_PLAN, create_working_folder
from provenance.trust.certificates import Certificate, load_der
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import TrustList
from tests.factory import media

__all__ = ["Keepers", "certificate_of", "forge", "now", "serving"]

ONLINE = ("targets", "snapshot", "timestamp")


def now() -> datetime:
    """The machine's time: python-tuf asks no other clock."""
    return datetime.now(UTC).replace(microsecond=0)


def certificate_of(certificate: x509.Certificate) -> Certificate:
    return load_der(certificate.public_bytes(Encoding.DER), where="sample")


class Keepers:
    """A working folder whose keys have no passphrase, with a root in force."""

    def __init__(self, path: Path, *, at: datetime | None = None, sign_root: bool = True) -> None:
        self.at = at or now()
        create_working_folder(
            path,
            name="Trial directory",
            test=True,
            plan=DEFAULT_PLAN,
            holders=(),
            passphrases=lambda _: None,
            unsafe_plain=True,
            account=self.account(),
        )
        self.folder = WorkingFolder(path)
        if sign_root:
            for holder in self.keys("root")[:2]:
                collect_root_signatures(self.folder, holder, account=self.account())

    def account(self, at: datetime | None = None) -> Account:
        return Account(at=at or self.at, by="Kim", evidence="a test")

    def keys(self, *roles: str) -> list[CryptoSigner]:
        """The private keys of these roles."""
        paths = sorted(p for p in self.folder.keys.glob("*.pem") if ".pub." not in p.name)
        return [load_signer(p, lambda _: None) for p in paths if p.name.split("-")[0] in roles]

    @property
    def repository(self) -> Path:
        return self.folder.repository

    @property
    def root(self) -> bytes:
        """What clients pin."""
        return (self.repository / "metadata" / "1.root.json").read_bytes()

    def change(self, edit: Callable[..., str], *arguments: Any, **options: Any) -> str:
        """Make one edit of `directory_draft`."""
        return change_draft(
            self.folder,
            lambda document: edit(document, *arguments, **options),
            action=edit.__name__.replace("_", "-"),
            account=self.account(),
        )

    def take_in(self, agency: DevAgency, good: bytes, *, name: str | None = None) -> None:
        """List the sample agency by its root, with one good and one bad JPEG."""
        own = name or agency.agency_id
        self.change(
            directory_draft.add_agency,
            own,
            names={"en": agency.name, "ko": agency.name_ko},
            limits=Limits(),
        )
        self.change(
            directory_draft.add_anchor,
            own,
            "root",
            certificate=certificate_of(agency.root),
            subject=Subject(organization=agency.organization),
            limits=Limits(),
        )
        self.sample(own, "good", good)
        self.sample(own, "bad", media.jpeg(99))

    def sample(self, agency: str, kind: Any, data: bytes, *, replace: bool = False) -> Path:
        """Keep a JPEG as a sample."""
        path = self.folder.path / "given.jpg"
        path.write_bytes(data)
        return add_sample(self.folder, agency, kind, path, replace=replace, account=self.account())

    def publish(
        self,
        *,
        at: datetime | None = None,
        keys: Sequence[CryptoSigner] | None = None,
        time_stamp_lists: Sequence[TrustList] = (),
    ) -> Published:
        return directory_repository.publish(
            self.folder,
            self.keys(*ONLINE) if keys is None else keys,
            account=self.account(at),
            time_stamp_lists=time_stamp_lists,
        )

    def renew(self, *, at: datetime | None = None) -> LoadedDirectory:
        return directory_repository.renew(
            self.folder, self.keys("snapshot", "timestamp"), account=self.account(at)
        )

    def client(self, folder: Path, source: str | None = None) -> Path:
        """A client's folder that pins the first root."""
        set_up_directory_client(folder, source=source or str(self.repository), root=self.root)
        return folder


def forge(
    repository: Path,
    into: Path,
    *,
    keys: Sequence[CryptoSigner],
    document: dict[str, Any] | None = None,
    days: int = 14,
    new_targets: bool = True,
) -> Path:
    """What somebody can publish who holds these keys: the repository with one version more.

    Args:
        repository: What is copied.
        into: Where to.
        keys: Sign every role that they can.
        document: The directory; by default the one published.
        days: How long it lasts.
        new_targets: Whether the targets metadata is signed anew too.
    """
    shutil.copytree(repository, into)
    metadata = into / "metadata"
    ends = now() + timedelta(days=days)

    def known(name: str) -> Any:
        return Metadata.from_bytes((metadata / name).read_bytes()).signed

    timestamp = known("timestamp.json")
    number = timestamp.snapshot_meta.version
    snapshot = known(f"{number}.snapshot.json")
    version = snapshot.meta["targets.json"].version + 1
    targets: Any = Metadata.from_bytes(
        (metadata / f"{version - 1}.targets.json").read_bytes()
    ).signed
    if document is None:
        digest = targets.targets["directory.json"].hashes["sha256"]
        document = json.loads((into / "targets" / f"{digest}.directory.json").read_bytes())
    data = json.dumps({**document, "version": version}).encode()
    target = TargetFile.from_data("directory.json", data, ["sha256"])
    (into / "targets" / f"{target.hashes['sha256']}.directory.json").write_bytes(data)

    def write(name: str, signed: Any) -> bytes:
        made = Metadata(signed)
        for key in keys:
            made.sign(key, append=True)
        made_bytes = made.to_bytes()
        (metadata / name).write_bytes(made_bytes)
        return made_bytes

    if new_targets:
        made = write(
            f"{version}.targets.json",
            Targets(version=version, expires=ends, targets={"directory.json": target}),
        )
    else:
        version -= 1
        made = (metadata / f"{version}.targets.json").read_bytes()
    meta = {"targets.json": MetaFile.from_data(version, made, ["sha256"])}
    number = snapshot.version + 1
    made = write(f"{number}.snapshot.json", Snapshot(version=number, expires=ends, meta=meta))
    write(
        "timestamp.json",
        Timestamp(
            version=timestamp.version + 1,
            expires=ends,
            snapshot_meta=MetaFile.from_data(number, made, ["sha256"]),
        ),
    )
    return into


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what many tests are about."""


@contextmanager
def serving(
    what: Path | type[BaseHTTPRequestHandler], *, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve a folder, or whatever a handler does, on loopback; gives the address."""
    handler: Any = partial(_Quiet, directory=str(what)) if isinstance(what, Path) else what
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
