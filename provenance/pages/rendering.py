"""Templates into markup: everything escaped, a stranger's text set apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from unicodedata import bidirectional
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from provenance.pages.assets import asset_url
from provenance.wording.catalogue import Wording, wording_in
from provenance.wording.languages import LANGUAGES, Language
from provenance.wording.messages import Message, say

__all__ = ["DEVICE_POLICY", "PAGE_HEADERS", "PageRequest", "markup", "render"]

_RIGHT_TO_LEFT = {"R", "AL", "AN"}

PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; "
        "style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # A form's origin has to be told to this service, and to nobody else.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Vary": "Accept-Language",
}
"""What keeps a page from running, framing or telling anything it should not."""

DEVICE_POLICY = PAGE_HEADERS["Content-Security-Policy"].replace(
    "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'; worker-src blob:"
)
"""The same where the reader of credentials runs in the browser: WebAssembly, in a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What a page needs to know of whoever asks for it.

    Attributes:
        language: Of the reader.
        asked: Whether the address asks for the language; links then go on asking.
        path: The page's own path; of one that only answers a form, that of what it is about.
        base: Where the service is reached, without a slash at the end.
        test: Whether the service is in test mode.
        reports: Whether people can report something here.
        kept: What of the page's own query its address in another language has too.
    """

    language: Language
    asked: bool
    path: str
    base: str
    test: bool
    reports: bool = False
    kept: tuple[tuple[str, str], ...] = ()

    def link(self, path: str, **query: str) -> str:
        """The address of another page here, in the same language."""
        if self.asked:
            query["lang"] = self.language.tag
        return f"{path}?{urlencode(query)}" if query else path

    def own_link(self, language: Language) -> str:
        """The address of this page in another language."""
        return f"{self.path}?{urlencode([*self.kept, ('lang', language.tag)])}"


def markup(wording: Wording, message: Message | str) -> Markup:
    """How does this message stand in a page?

    A name or quotation with letters written from right to left is isolated, so that it
    cannot reorder the sentence around it. No other is: between an element and the Korean
    particle after it a line may break.
    """
    parts = []
    for segment in wording.segments(message):
        text = escape(segment.text)
        isolated = segment.kind != "ours" and any(
            bidirectional(character) in _RIGHT_TO_LEFT for character in segment.text
        )
        parts.append(Markup("<bdi>{}</bdi>").format(text) if isolated else text)
    return Markup("").join(parts)


def render(template: str, request: PageRequest, **values: Any) -> str:
    """Which HTML document is this template with these values?"""
    wording = wording_in(request.language)
    return (
        _environment()
        .get_template(template)
        .render(
            request=request,
            languages=LANGUAGES,
            wording=wording,
            t=lambda message: markup(wording, message),
            plain=wording.text,
            say=say,
            asset=asset_url,
            **values,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("provenance.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
