"""A search for very many codes that ends in time, and says what it left out."""

from __future__ import annotations

from collections.abc import Sequence

from provenance.deadline import Deadline
from provenance.fingerprints.index import CodeHit, CodeSearch
from provenance.fingerprints.model import Code

__all__ = ["TimedSearch"]

_AT_ONCE = 256


class TimedSearch:
    """A search that asks another for some codes at a time.

    Args:
        search: That answers.
        what: Whose codes they are, as `why_not` names it.
        until: When no more are asked for.
        why_not: Told where codes were left out.
    """

    def __init__(self, search: CodeSearch, what: str, until: Deadline, why_not: list[str]) -> None:
        self._search = search
        self._what = what
        self._until = until
        self._why_not = why_not

    def search(self, codes: Sequence[Code], *, radius: int, most: int = 100) -> list[CodeHit]:
        """See `CodeSearch.search`; of the first of these codes alone where time is short."""
        hits: list[CodeHit] = []
        for start in range(0, len(codes), _AT_ONCE):
            if self._until.passed():
                self._why_not.append(
                    f"{self._what}: {start} of {len(codes)} codes were searched for in "
                    f"{self._until.seconds:.3g} seconds, and the rest were not"
                )
                break
            some = codes[start : start + _AT_ONCE]
            found = self._search.search(some, radius=radius, most=most)
            hits += (hit._replace(query=start + hit.query) for hit in found)
        return sorted(hits, key=lambda hit: (hit.distance, hit.query, hit.owner))
