"""What `provenance sign --register` does once the files have their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.cli.register_options import stating
from provenance.cli.streams import say, write_text

if TYPE_CHECKING:
    from provenance.registry.register.register import Register
    from provenance.runtime.sign_batch import BatchResult
    from provenance.runtime.sign_worker import SigningSetup
    from provenance.signing.plan import ReleasePlan
    from provenance.signing.release import LoadedRelease

__all__ = ["register_signed"]


def register_signed(
    register: Register,
    setup: SigningSetup,
    plan: ReleasePlan,
    loaded: LoadedRelease,
    results: Sequence[BatchResult],
    *,
    out_folder: Path,
) -> None:
    """Register what is signed and not registered yet, with the key of its claims.

    Raises:
        RegisterError: It may not be taken in; what is signed stays signed.
        SigningKeyError, ConfigurationError: It cannot be stated.
    """
    from provenance.runtime.clock import system_clock
    from provenance.runtime.registering import Registration
    from provenance.runtime.sign_worker import verifier_of
    from provenance.runtime.signing_keys import open_signer

    signed = {result.path for result in results if result.state in {"signed", "kept"}}
    with open_signer(setup.claim) as signer, stating():
        registration = Registration(
            register,
            signer,
            verifier_of(setup),
            release=plan.release_id,
            clock=system_clock,
            say=say,
            agency=plan.agency,
            embargo_until=plan.embargo_until,
            channels=loaded.document.channels,
        )
        for file in plan.files:
            if file.path in signed:
                path = out_folder / file.out
                beside = path.with_name(f"{path.name}.c2pa") if file.sidecar else None
                registration.add(path, sidecar=beside, name=file.out)
        registration.finish()
    write_text(registration.summary)
