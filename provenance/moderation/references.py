"""References and PINs of complaints: short enough to read aloud, and not to be guessed.

A reference is eleven symbols of Crockford's Base32 (55 random bits) and a check symbol, in
groups of four: `7K2Q-9XM4-TB3C`. The check symbol is Crockford's (the number modulo 37);
numbers whose check would be one of the five extra symbols, which nobody can say on the
telephone, are not given out.

Source: Douglas Crockford, "Base 32".
"""

from __future__ import annotations

from provenance.records.tokens import Random

__all__ = ["new_pin", "new_reference", "parse_reference", "shown_reference"]

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {symbol: value for value, symbol in enumerate(_SYMBOLS)} | {"O": 0, "I": 1, "L": 1}
_DATA_SYMBOLS = 11
_CHECK_MODULUS = 37
_PIN_DIGITS = 8
_MAX_TYPED = 40


def new_reference(random: Random) -> str:
    """A reference that was never given out, as it is stored: twelve symbols."""
    while True:
        number = int.from_bytes(random(8), "big") & ((1 << 5 * _DATA_SYMBOLS) - 1)
        check = number % _CHECK_MODULUS
        if check < len(_SYMBOLS):
            data = "".join(
                _SYMBOLS[(number >> (5 * place)) & 31] for place in reversed(range(_DATA_SYMBOLS))
            )
            return data + _SYMBOLS[check]


def parse_reference(typed: str) -> str | None:
    """Which reference did somebody mean? None: it is mistyped, or none at all.

    Case does not matter, nor do spaces and hyphens; O is 0, I and L are 1.
    """
    if len(typed) > _MAX_TYPED:
        return None
    symbols = [symbol for symbol in typed.upper() if symbol not in " -"]
    values = [_VALUES.get(symbol) for symbol in symbols]
    if len(values) != _DATA_SYMBOLS + 1 or None in values:
        return None
    known = [value for value in values if value is not None]
    number = 0
    for value in known[:-1]:
        number = number << 5 | value
    if number % _CHECK_MODULUS != known[-1]:
        return None
    return "".join(_SYMBOLS[value] for value in known)


def shown_reference(ref: str) -> str:
    """A reference as people see it."""
    return "-".join(ref[at : at + 4] for at in range(0, len(ref), 4))


def new_pin(random: Random) -> str:
    """Eight digits that nobody can foretell, all equally likely."""
    # 64 bits over 10**8: what is uneven is less than one in 10**11.
    return str(int.from_bytes(random(8), "big") % 10**_PIN_DIGITS).zfill(_PIN_DIGITS)
