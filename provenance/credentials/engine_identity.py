"""A claim and a statement of identity, signed by two keys that stay outside the engine.

The engine's library can combine two signers into one that also writes a
`cawg.identity` assertion. Its Python package does not offer that function, so it is
called by its C name; a test holds what it does against this version of the library.

Spec: CAWG Identity Assertion 1.3, "X.509 certificates and COSE signatures".
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from c2pa import Signer, c2pa

from provenance.errors import SigningError

__all__ = ["combine_signers"]

_create = c2pa._lib.c2pa_identity_signer_create  # noqa: SLF001 - see above
_strings = ctypes.POINTER(ctypes.c_char_p)
_handle = ctypes.POINTER(c2pa.C2paSigner)
_create.argtypes = [_handle, _handle, _strings, _strings]
_create.restype = _handle


def combine_signers(
    claim: Signer, identity: Signer, *, references: Sequence[str], roles: Sequence[str]
) -> Signer:
    """Which signer also writes a statement of identity?

    Both halves belong to the result from then on. Combining a combined signer again
    gives one identity, the outer one, not two.

    Args:
        claim: Signs the claim.
        identity: Signs the statement of identity.
        references: Labels of the assertions that it is about; the engine adds the hard
            binding, and leaves out labels that the manifest does not have.
        roles: What the holder of the identity was in the making of the asset.

    Raises:
        SigningError: The library refuses.
    """
    callbacks = [half._callback_cb for half in (claim, identity)]  # noqa: SLF001
    pointer = _create(
        claim._handle,  # noqa: SLF001
        identity._handle,  # noqa: SLF001
        _string_array(references),
        _string_array(roles),
    )
    if not pointer:
        raise SigningError("the engine could not combine the claim's signer with the identity's")
    combined = Signer(pointer)
    # What native code calls has to live as long as the signer.
    combined._callback_cb = callbacks  # noqa: SLF001
    for half in (claim, identity):
        # The library owns both now, and frees them with the result.
        half._teardown(free_handle=False)  # noqa: SLF001
    return combined


def _string_array(texts: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(texts) + 1))(*[text.encode() for text in texts], None)
