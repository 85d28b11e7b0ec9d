from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest

from provenance.verdict import (
    IntegrityState,
    Obstacle,
    ReleaseState,
    SignerKind,
    Verdict,
    VerdictBasis,
    derive_verdict,
)

_OBSTACLES = [
    frozenset(some) for some in chain.from_iterable(combinations(Obstacle, n) for n in range(3))
]


def _every_basis() -> Iterator[VerdictBasis]:
    for integrity, signer, release, resembles, obstacles in product(
        IntegrityState, SignerKind, ReleaseState, (False, True), _OBSTACLES
    ):
        yield VerdictBasis(
            integrity=integrity,
            signer=signer,
            release=release,
            resembles=resembles,
            obstacles=obstacles,
        )


def _restated(basis: VerdictBasis) -> str:  # noqa: PLR0911 - one branch for each sentence
    """The precedence again, in the words of the design instead of a table."""
    if basis.integrity == "altered":
        return "altered"
    if "ours" in {obstacle.value for obstacle in basis.obstacles}:
        return "undetermined"
    stands = basis.integrity == "intact" and not basis.obstacles
    if stands and basis.signer == "agency":
        return "official-withdrawn" if basis.release == "withdrawn" else "official"
    if basis.resembles:
        return "lookalike"
    if basis.obstacles:
        return "undetermined"
    match basis.integrity.value:
        case "partial" | "unreadable":
            return "undetermined"
        case "absent":
            return "unverified"
    return "signed" if basis.signer == "listed" else "signed-unrecognised"


def test_the_table_says_what_the_precedence_says_for_every_combination() -> None:
    different = {
        basis: (derive_verdict(basis).value, _restated(basis))
        for basis in _every_basis()
        if derive_verdict(basis).value != _restated(basis)
    }
    assert not different


def test_every_combination_has_a_verdict_and_every_verdict_a_combination() -> None:
    bases = list(_every_basis())
    assert len(bases) == 5 * 4 * 4 * 2 * 4
    assert {derive_verdict(basis) for basis in bases} == set(Verdict)


def test_official_needs_every_axis_and_no_obstacle() -> None:
    official = [b for b in _every_basis() if derive_verdict(b) is Verdict.OFFICIAL]
    assert {b.integrity for b in official} == {IntegrityState.INTACT}
    assert {b.signer for b in official} == {SignerKind.AGENCY}
    assert {b.obstacles for b in official} == {frozenset()}
    assert ReleaseState.WITHDRAWN not in {b.release for b in official}


def test_only_a_mismatch_accuses() -> None:
    for basis in _every_basis():
        altered = basis.integrity is IntegrityState.ALTERED
        assert (derive_verdict(basis) is Verdict.ALTERED) is altered


@pytest.mark.parametrize("integrity", IntegrityState)
def test_without_a_signature_nothing_is_granted(integrity: IntegrityState) -> None:
    basis = VerdictBasis(integrity=integrity, signer=SignerKind.NONE)
    assert derive_verdict(basis) not in {Verdict.OFFICIAL, Verdict.SIGNED}


def test_a_basis_cannot_be_changed() -> None:
    basis = VerdictBasis(integrity=IntegrityState.ABSENT, signer=SignerKind.NONE)
    with pytest.raises(AttributeError):
        basis.integrity = IntegrityState.INTACT  # type: ignore[misc]
