"""Small documents: PDF and two that are ZIP archives."""

from __future__ import annotations

import io
import random
import zipfile
from functools import cache

__all__ = ["docx", "epub", "pdf"]

_ZIP_DATE = (2026, 1, 1, 0, 0, 0)


@cache
def pdf(seed: int = 1) -> bytes:
    rng = random.Random(seed)
    drawing = "".join(
        f"{rng.random():.2f} {rng.random():.2f} {rng.random():.2f} rg "
        f"{rng.randrange(250)} {rng.randrange(150)} 40 40 re f\n"
        for _ in range(8)
    )
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Resources<<>>/Contents 4 0 R>>",
        f"<</Length {len(drawing)}>>stream\n{drawing}\nendstream",
    )
    body, starts = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(body))
        body += f"{number} 0 obj{content}endobj\n"
    entries = "".join(f"{start:010} 00000 n \n" for start in starts)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{entries}"
    trailer = f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return (body + table + trailer).encode("ascii")


@cache
def docx(seed: int = 1) -> bytes:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return _zipped(
        (
            "[Content_Types].xml",
            (
                f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
                'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>'
            ),
        ),
        (
            "_rels/.rels",
            (
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
                f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>'
            ),
        ),
        (
            "word/document.xml",
            (
                f'<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>Notice {seed}</w:t></w:r>'
                "</w:p></w:body></w:document>"
            ),
        ),
    )


@cache
def epub(seed: int = 1) -> bytes:
    ocf = "urn:oasis:names:tc:opendocument:xmlns:container"
    return _zipped(
        ("mimetype", "application/epub+zip"),
        (
            "META-INF/container.xml",
            (
                f'<container version="1.0" xmlns="{ocf}"><rootfiles><rootfile '
                'full-path="content.opf" media-type="application/oebps-package+xml"/></rootfiles>'
                "</container>"
            ),
        ),
        (
            "content.opf",
            (
                '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">'
                '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">'
                f"urn:x:{seed}</dc:identifier><dc:title>Booklet {seed}</dc:title>"
                '<dc:language>ko</dc:language></metadata><manifest><item id="p" href="p.xhtml" '
                'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="p"/></spine>'
                "</package>"
            ),
        ),
        (
            "p.xhtml",
            (
                '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>1</title></head>'
                f"<body><p>Page {seed}</p></body></html>"
            ),
        ),
    )


def _zipped(*entries: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in entries:
            # Stored: the engine refuses to sign an archive with a deflated entry.
            archive.writestr(zipfile.ZipInfo(path, _ZIP_DATE), text)
    return out.getvalue()
