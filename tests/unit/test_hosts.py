"""Names of hosts: as browsers spell them, and none that they take for none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.hosts import ascii_host


@pytest.mark.parametrize(
    ("host", "spelled"),
    [
        ("video.example", "video.example"),
        ("Video.EXAMPLE", "video.example"),
        ("my_site.example", "my_site.example"),
        ("xn--oi2bpqx44a.example", "xn--oi2bpqx44a.example"),
        ("오로라.example", "xn--oi2bpqx44a.example"),
        ("\u110b\u1169로라.example", "xn--oi2bpqx44a.example"),
        ("日本語。\uff2a\uff30", "xn--wgv71a119e.jp"),
        ("Öbb.at", "xn--bb-eka.at"),
        ("example.com.", "example.com."),
        # Of these the rules of 2003 make another website (UTS 46, section 7, and table 1).
        ("straße.de", "xn--strae-oqa.de"),
        ("faß.de", "xn--fa-hia.de"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com", "xn--mgba3gch31f060k.com"),
        ("i❤.ws", "xn--i-7iq.ws"),
    ],
)
def test_hosts_are_spelled_as_browsers_do(host: str, spelled: str) -> None:
    assert ascii_host(host) == spelled
    assert ascii_host(spelled) == spelled


@pytest.mark.parametrize(
    "host",
    ["a\u200db\u0e01.example", "\u0301a.example", "오..example", "오" * 64 + ".example", "a" * 64],
)
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ascii_host(host)


@given(st.text(max_size=80))
def test_any_text_is_spelled_in_ascii_or_refused(text: str) -> None:
    try:
        spelled = ascii_host(text)
    except ValueError:
        return
    assert spelled.isascii()
    assert ascii_host(spelled) == spelled
