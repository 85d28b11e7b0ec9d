"""One call for one release: planned, signed, time-stamped, verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from provenance.errors import ConfigurationError
from provenance.runtime.clock import system_clock
from provenance.runtime.directory_at import load_directory_at
from provenance.runtime.frame_signatures import make_frame_signatures
from provenance.runtime.sign_batch import JOURNAL_NAME, BatchResult, sign_plan
from provenance.runtime.sign_worker import SigningSetup, authorities_of
from provenance.runtime.signing_keys import KeySpec, chain_pem
from provenance.signing.plan import PlanSettings, make_plan
from provenance.signing.release import load_release
from provenance.trust.lists import TrustList

__all__ = ["sign"]


def sign(  # noqa: PLR0913 - a release, two keys, and who vouches for the time
    manifest: str | Path,
    out: str | Path,
    *,
    key: str,
    certificate: str | Path,
    directory: str | Path,
    passphrase: bytes | None = None,
    identity_key: str | None = None,
    identity_certificate: str | Path | None = None,
    time_stamp_authorities: Sequence[str] = (),
    time_stamp_lists: Sequence[TrustList] = (),
    network_allow: Sequence[str] = (),
    sidecar: bool = False,
    jobs: int = 1,
    unsafe_plain_key: bool = False,
    unsafe_no_timestamp: bool = False,
    on_result: Callable[[BatchResult], None] = lambda _result: None,
) -> tuple[BatchResult, ...]:
    """Sign the release that a release manifest describes; only official results get names.

    What is signed already is kept: call it again after anything that stopped it. The files
    are signed in processes of their own, so guard the calling module with
    `if __name__ == "__main__":`.

    Args:
        manifest: The release manifest, YAML or JSON; its files are beside it.
        out: Folder of the signed files, and of the journal, `.provenance-results.jsonl`.
        key: Path of an encrypted PEM, `pkcs11:...`, or `python:MODULE:FUNCTION`.
        certificate: Its chain in PEM, leaf first.
        directory: The agency directory with which the results are verified.
        passphrase: Opens the keys; the PIN of a token.
        identity_key: The agency's key for statements of identity, beside the claim's.
        identity_certificate: Its chain.
        time_stamp_authorities: Addresses, asked in this order until one gives a time-stamp
            that counts.
        time_stamp_lists: Which authorities count.
        network_allow: `host:port` of authorities that are not public addresses.
        sidecar: Write the credentials beside the files.
        jobs: How many processes sign.
        unsafe_plain_key: Accept keys that are not encrypted.
        unsafe_no_timestamp: For trials: sign without a time-stamp.
        on_result: Told of each file.

    Returns:
        What became of each file: `signed`, `kept`, `failed` or `not-tried`, and why.

    Raises:
        ReleaseError: The release cannot be signed as it is described.
        ConfigurationError: Something given cannot be used.
        SigningError: The key cannot be used, or there is no time-stamp authority.
    """
    loaded = load_release(Path(manifest))

    def spec(name: str, chain: str | Path) -> KeySpec:
        return KeySpec(
            key=name, certificate=Path(chain), passphrase=passphrase, unsafe_plain=unsafe_plain_key
        )

    identity = None
    if identity_key is not None and identity_certificate is not None:
        identity = spec(identity_key, identity_certificate)
    elif identity_key is not None or identity_certificate is not None:
        raise ConfigurationError("identity key and certificate: expected both or none")
    setup = SigningSetup(
        agency=loaded.document.agency,
        directory=Path(directory),
        claim=spec(key, certificate),
        identity=identity,
        authorities=authorities_of(tuple(time_stamp_authorities), tuple(network_allow)),
        time_stamp_lists=tuple(time_stamp_lists),
        unsafe_no_timestamp=unsafe_no_timestamp,
    )
    plan = make_plan(
        loaded,
        directory=load_directory_at(Path(directory)),
        claim_chain_pem=chain_pem(Path(certificate)),
        identity_chain_pem=None if identity is None else chain_pem(identity.certificate),
        settings=PlanSettings(
            sidecar=sidecar, time_stamp_authorities=tuple(time_stamp_authorities)
        ),
        at=system_clock(),
        frame_signatures=make_frame_signatures,
    )
    folder = Path(out)
    return sign_plan(
        plan,
        setup,
        source_folder=loaded.folder,
        out_folder=folder,
        results=folder / JOURNAL_NAME,
        jobs=jobs,
        on_result=on_result,
    )
