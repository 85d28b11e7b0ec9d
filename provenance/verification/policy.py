"""The policy: what the operator asks of a verification, beyond whom to trust."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one verification is judged under; the report names it.

    Attributes:
        name: What reports call it.
        version: Changes whenever one of the other values does.
        max_directory_age: How old a directory may be for anything to be
            official; None for any age. A directory past its own expiry never is.
        territory: The country for which is asked (ISO 3166-1 alpha-2), held against
            keys that the directory limits to territories.
        ask_engine_about_trust: Also record what the engine itself thinks of the
            signer. It never decides, and costs about as much as all the rest.
        second_engine: Also ask an independent engine about the bytes. Where it
            contradicts, nothing is said either way; where it is not installed, the
            report says that it was not asked.
        resemblance: Look which registered releases a file resembles, where there is a
            register and no agency's signature counts.
    """

    name: str = "default"
    version: str = "1"
    max_directory_age: timedelta | None = None
    territory: str | None = None
    ask_engine_about_trust: bool = False
    second_engine: bool = False
    resemblance: bool = True
