"""Seeing of a small, well-formed file that no credentials can be in it, with no engine."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from provenance.media.formats import Container
from provenance.media.layout import Layout

__all__ = ["holds_no_credentials"]

# Without one of these bytes the standard has no place for a manifest store in the container,
# nor for XMP that could name another place. C2PA 2.2 A.3.1, A.3.2, A.5; XMP part 3.
_MARKS: Mapping[Container, tuple[bytes, ...]] = MappingProxyType(
    {
        Container.JPEG: (b"http://ns.adobe.com/x", b"c2pa"),
        Container.PNG: (b"XML:com.adobe.xmp", b"caBX"),
        Container.BMFF: (
            bytes.fromhex("d8fec3d61b0e483c92975828877ec481"),
            bytes.fromhex("be7acfcb97a942e89c71999491e3afac"),
            # XMP may lie in other boxes as well; `dcterms:provenance` is what would matter.
            b"provenance",
        ),
    }
)


def holds_no_credentials(stream: BinaryIO, container: Container, layout: Layout | None) -> bool:
    """Is it plain that no manifest store is in this file, and that it names none elsewhere?

    True only of a file in memory whose parts follow each other as they should, and in which
    no byte sequence is found that every manifest store and every mention of one begins
    with: wherever a reader looks, it finds none. False says nothing.
    """
    marks = _MARKS.get(container)
    if marks is None or layout is None or not isinstance(stream, io.BytesIO):
        return False
    if layout.manifest or layout.problems or layout.gaps:
        return False
    # Of bytes that nobody has written to, this is no copy.
    data = stream.getvalue()
    return not any(mark in data for mark in marks)
