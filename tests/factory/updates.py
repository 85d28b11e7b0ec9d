"""Update manifests: on top of another manifest, over content that stays as it is."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from provenance.credentials.engine_signing import ClaimSigner, Intent
from tests.factory.pki import Holder
from tests.factory.sign import sign, store_of
from tests.factory.stores import Store, parse_store
from tests.factory.surgery import resign
from tests.factory.tsa import make_token

__all__ = ["timestamp_update", "update"]


def update(data: bytes, media_type: str, *, signer: ClaimSigner, **options: Any) -> bytes:
    """A signed file with an update manifest by anybody; `options` are those of `sign`."""
    return sign(data, media_type, signer=signer, intent=Intent.UPDATE, **options)


def timestamp_update(
    data: bytes,
    media_type: str,
    *,
    signer: ClaimSigner,
    tsa: Holder,
    gen_time: datetime,
    stamped: bytes | None = None,
    **options: Any,
) -> bytes:
    """A signed file with an update manifest that only time-stamps the manifest beneath.

    `stamped` replaces the bytes that the token is about; `options` are those of
    `make_token`.

    Spec: C2PA 2.5, "Time-stamp assertion": a map from manifest label to token.
    """
    beneath = parse_store(store_of(data, media_type))
    message = beneath.timestamp_message() if stamped is None else stamped
    digest = hashlib.sha256(message).digest()
    token = make_token(digest, tsa=tsa, gen_time=gen_time, **options)

    def edit(store: Store) -> None:
        store.add_assertion("c2pa.time-stamp", {beneath.label: token})

    return resign(update(data, media_type, signer=signer), media_type, signer=signer, edit=edit)
