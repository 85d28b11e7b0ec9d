"""One verifier for every attack: the sample agency's directory and one time-stamp list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose
from tests.factory import judging, pki
from tests.factory.judging import House
from tests.factory.pki import Holder
from tests.factory.tsa import make_authority

Judge = Callable[..., Report]


@pytest.fixture(scope="session")
def house() -> House:
    """The agency's second authority."""
    return judging.house()


@pytest.fixture(scope="session")
def meridian() -> tuple[Holder, Holder]:
    """The one time-stamp authority that is recognised: its root and its leaf."""
    return make_authority("Meridian")


@pytest.fixture(scope="session")
def home_made() -> Holder:
    """A time-stamp authority that anybody can make for themselves."""
    return make_authority("Home-made")[1]


@pytest.fixture(scope="session")
def stranger() -> MemorySigner:
    """A signer whom nobody lists."""
    return pki.signer_of(pki.three_tier("Stranger", organization="Stranger")[2])


@pytest.fixture(scope="session")
def judge(agency: DevAgency, house: House, meridian: tuple[Holder, Holder]) -> Judge:
    """Verifies at `judging.AT`, unless told otherwise."""
    verifier = judging.verifier_of(
        judging.directory_of(agency, house.root),
        time_stamp_lists=[
            judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
        ],
    )

    def call(data: bytes, *, at: datetime | None = None, **options: object) -> Report:
        return verifier.verify(data, at=at, **options)  # type: ignore[arg-type]

    return call
