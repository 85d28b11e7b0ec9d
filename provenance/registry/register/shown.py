"""Which manifests and soft bindings is a reader shown? As parts of questions.

What an agency has under embargo is unknown to everybody else, also to whoever has the same
bytes and puts them in: that leads to what it would lead to if the agency had nothing. With
`Reader.bound`.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, Exists, bindparam, exists, or_, select

from provenance.registry.register.releases import seen
from provenance.registry.register.schema import ADDER, BINDING, FILE, MANIFEST, RELEASE, STORER

__all__ = [
    "BINDING_ADDED",
    "BINDING_ADDED_BY_READER",
    "BINDING_SHOWN",
    "BINDING_STATED",
    "ISCC_BINDING",
    "MANIFEST_OF_READER",
    "MANIFEST_SHOWN",
    "MANIFEST_STATED",
    "STATED_BY_STORER",
]

ISCC_BINDING = "io.iscc.v0"

_OF_RELEASE = RELEASE.c.id == FILE.c.release_id
_READER: BindParameter[str] = bindparam("reader")

STATED_BY_STORER: Exists = exists(
    select(FILE.c.id)
    .join(RELEASE, _OF_RELEASE)
    .where(FILE.c.manifest_sha256 == STORER.c.manifest_sha256, RELEASE.c.agency == STORER.c.agency)
    .correlate(STORER)
)
"""Has whoever put the manifest in (a row of STORER) stated a file with it too?

Then the statement says who is shown it.
"""

_FILE_OF_MANIFEST = FILE.c.manifest_sha256 == MANIFEST.c.sha256
MANIFEST_STATED: Exists = seen(FILE.c.id).where(_FILE_OF_MANIFEST).correlate(MANIFEST).exists()
"""Does a file that the reader is shown have this manifest (a row of MANIFEST)?"""

MANIFEST_SHOWN = or_(
    MANIFEST_STATED,
    exists(
        select(STORER.c.agency)
        .where(
            STORER.c.manifest_sha256 == MANIFEST.c.sha256,
            or_(STORER.c.agency == _READER, ~STATED_BY_STORER),
        )
        .correlate(MANIFEST)
    ),
)
"""Is the reader shown it?"""

MANIFEST_OF_READER = or_(
    exists(
        select(STORER.c.agency)
        .where(STORER.c.manifest_sha256 == MANIFEST.c.sha256, STORER.c.agency == _READER)
        .correlate(MANIFEST)
    ),
    exists(
        select(FILE.c.id)
        .join(RELEASE, _OF_RELEASE)
        .where(_FILE_OF_MANIFEST, RELEASE.c.agency == _READER)
        .correlate(MANIFEST)
    ),
)
"""Did the reader put it in, or state a file with it?"""

BINDING_STATED: Exists = (
    seen(FILE.c.id)
    .where(
        BINDING.c.algorithm == ISCC_BINDING,
        FILE.c.manifest_sha256 == BINDING.c.manifest_sha256,
        FILE.c.iscc == BINDING.c.value,
    )
    .correlate(BINDING)
    .exists()
)
"""Does this soft binding (a row of BINDING) follow from a statement that the reader is shown?"""

_STATED_BY_ADDER = (
    seen(FILE.c.id)
    .where(FILE.c.manifest_sha256 == BINDING.c.manifest_sha256, RELEASE.c.agency == ADDER.c.agency)
    .correlate(BINDING, ADDER)
    .exists()
)
_STORED_BY_ADDER = exists(
    select(STORER.c.agency)
    .where(
        STORER.c.manifest_sha256 == BINDING.c.manifest_sha256,
        STORER.c.agency == ADDER.c.agency,
        ~STATED_BY_STORER,
    )
    .correlate(BINDING, ADDER)
)
BINDING_ADDED = (
    select(ADDER.c.agency)
    .where(
        ADDER.c.binding_id == BINDING.c.id,
        or_(ADDER.c.agency == _READER, _STATED_BY_ADDER, _STORED_BY_ADDER),
    )
    .order_by(ADDER.c.agency)
    .limit(1)
    .correlate(BINDING)
)
"""Which agency added it, by way of a manifest of its own that the reader is shown?"""

BINDING_ADDED_BY_READER: Exists = exists(
    select(ADDER.c.agency)
    .where(ADDER.c.binding_id == BINDING.c.id, ADDER.c.agency == _READER)
    .correlate(BINDING)
)
"""Did the reader add it?"""

BINDING_SHOWN = or_(BINDING_STATED, BINDING_ADDED.exists())
"""Is the reader shown it?"""
