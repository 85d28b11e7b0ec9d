"""Names of hosts as browsers spell them, from letters of any script."""

from __future__ import annotations

import idna

__all__ = ["ascii_host"]

_JOINERS = {"\u200c", "\u200d"}


def ascii_host(host: str) -> str:
    """How does a browser spell this host in ASCII?

    Spec: UTS 46, non-transitional processing, as in WHATWG URL, "domain to ASCII": `ß` is a
    letter of its own, and what no registry takes (a heart) is spelled all the same.

    Raises:
        ValueError: It is none.
    """
    if not host.isascii():
        labels = idna.uts46_remap(host, std3_rules=False).split(".")
        host = ".".join(map(_ascii_label, labels))
    # Of what is ASCII the codec looks at the length of each label, and at nothing else.
    return host.encode("idna").decode("ascii").lower()


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    idna.check_initial_combiner(label)
    for position, letter in enumerate(label):
        if letter in _JOINERS and not idna.valid_contextj(label, position):
            raise ValueError("a joiner stands where it joins nothing")
    return f"xn--{label.encode('punycode').decode('ascii')}"
