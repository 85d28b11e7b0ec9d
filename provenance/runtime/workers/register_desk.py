"""The parent's side of a register: answers what workers ask, from one reader's view.

A worker may be in the hands of the file that it examines. It can ask only what a reader
may ask, and get only what that reader may know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedError, RegisterError
from provenance.fingerprints.features import LocalFeatures
from provenance.fingerprints.index import CodeHit
from provenance.fingerprints.model import Algorithm
from provenance.registry.search.reader import LocalSearch
from provenance.runtime.workers.register_words import (
    CODES_AT_ONCE,
    bytes_in,
    codes_in,
    codes_out,
    files_out,
    manifests_out,
    matches_out,
    owned_out,
    reference_out,
)
from provenance.untrusted import clean_text

if TYPE_CHECKING:
    from provenance.runtime.register_search import SearchedRegister

__all__ = ["RegisterDesk"]

_MOST_HITS = 1_000
_MOST_NEAR = 100
# Nothing of ours looks further; to look everywhere is to be told everything.
_MOST_RADIUS = 90
_MOST_OWNERS = 10_000
_MOST_FEATURES_BYTES = 1024 * 1024
# What one file may have looked for, each code by a scan of the register. Ours asks for most
# of a film: 2,400 moments in two views and mirrored, and 4,800 pieces of sound at five speeds.
_MOST_CODES = 50_000
# Ours asks twice, of a picture and of its mirror image.
_MOST_FEATURES = 16
# Between two scans of so many it is asked whether anybody waits for them still.
_SCANNED_AT_ONCE = 64
_LARGEST = 2**63 - 1


def _always() -> bool:
    return True


class RegisterDesk:
    """Answers the questions about one file, and no more than one has; used by one thread.

    Args:
        register: The register, with its search.
    """

    def __init__(self, register: SearchedRegister) -> None:
        self._register = register
        self._codes_left = _MOST_CODES
        self._features_left = _MOST_FEATURES
        self._wanted: Callable[[], bool] = _always
        self._search: tuple[datetime, LocalSearch] | None = None
        self._answers: Mapping[str, Callable[[Mapping[str, Any], datetime], Any]] = {
            "files": self._files,
            "files-of-manifest": self._files_of_manifest,
            "manifests-for-bytes": self._manifests_for_bytes,
            "manifests-for-binding": self._manifests_for_binding,
            "begin": self._begin,
            "codes": self._codes,
            "features": self._features,
            "owners": self._owners,
            "picture": self._picture,
            "frames": self._frames,
            "sound": self._sound,
        }

    def answer(
        self, document: Mapping[str, Any], *, wanted: Callable[[], bool] = _always
    ) -> dict[str, Any]:
        """What is the answer to this question of a worker?

        Args:
            document: The question.
            wanted: Is anybody there who waits for it? A long look stops where nobody is.
        """
        self._wanted = wanted
        try:
            answer = self._answers[document["register"]]
            return {"answer": answer(document, _moment(document["at"]))}
        except RegisterError as error:
            return {"refused": str(error)}
        except (KeyError, TypeError, ValueError, OverflowError, MalformedError) as error:
            # Nothing that a worker of ours asks.
            return {"refused": f"register: a question that means nothing: {clean_text(error)}"}

    def _files(self, document: Mapping[str, Any], at: datetime) -> Any:
        return files_out(self._register.view.files(str(document["sha256"]), at=at))

    def _files_of_manifest(self, document: Mapping[str, Any], at: datetime) -> Any:
        return files_out(self._register.view.files_of_manifest(str(document["label"]), at=at))

    def _manifests_for_bytes(self, document: Mapping[str, Any], at: datetime) -> Any:
        found = self._register.view.manifests_for_bytes(str(document["sha256"]), at=at)
        return manifests_out(found)

    def _manifests_for_binding(self, document: Mapping[str, Any], at: datetime) -> Any:
        self._spend_codes(1)
        found = self._register.view.manifests_for_binding(
            str(document["algorithm"]),
            str(document["value"]),
            at=at,
            most=_number(document["most"], _MOST_HITS),
        )
        return matches_out(found)

    def _begin(self, _document: Mapping[str, Any], at: datetime) -> Any:
        """A search begins: it is brought up to date, and its negative codes are told."""
        self._register.projection.update()
        self._search = at, LocalSearch(self._register.projection, self._register.view, at)
        return codes_out(tuple(self._register.projection.negative_codes))

    def _asked(self, at: datetime) -> LocalSearch:
        if self._search is None or self._search[0] != at:
            self._begin({}, at)
        assert self._search is not None  # noqa: S101 - made by the line before
        return self._search[1]

    def _codes(self, document: Mapping[str, Any], at: datetime) -> Any:
        if len(document["codes"]) > CODES_AT_ONCE:
            raise RegisterError(f"register: expected {CODES_AT_ONCE} codes at most at once")
        codes = codes_in(document["codes"])
        radius = _number(document["radius"], _MOST_RADIUS)
        most = _number(document["most"], _MOST_NEAR)
        self._spend_codes(len(codes))
        search = self._asked(at).codes
        hits: list[CodeHit] = []
        for start in range(0, len(codes), _SCANNED_AT_ONCE):
            if not self._wanted():
                raise RegisterError("register: whoever asked is gone, or has no more time")
            some = codes[start : start + _SCANNED_AT_ONCE]
            found = search.search(some, radius=radius, most=most)
            hits += (hit._replace(query=start + hit.query) for hit in found)
        hits.sort(key=lambda hit: (hit.distance, hit.query, hit.owner))
        return [list(hit) for hit in hits]

    def _spend_codes(self, count: int) -> None:
        if count > self._codes_left:
            raise RegisterError(f"register: expected {_MOST_CODES} codes of one file at most")
        self._codes_left -= count

    def _features(self, document: Mapping[str, Any], at: datetime) -> Any:
        data = bytes_in(document["features"])
        if len(data) > _MOST_FEATURES_BYTES:
            raise RegisterError("register: more local features than a picture has")
        if not self._features_left:
            raise RegisterError("register: local features of more pictures than a file has")
        self._features_left -= 1
        found = self._asked(at).features.search(
            LocalFeatures.from_bytes(data),
            mirrored=bool(document["mirrored"]),
            most=_number(document["most"], _MOST_HITS),
        )
        return [list(candidate) for candidate in found]

    def _owners(self, document: Mapping[str, Any], at: datetime) -> Any:
        owners = [_number(owner, _LARGEST) for owner in document["owners"][:_MOST_OWNERS]]
        return owned_out(self._asked(at).files(owners))

    def _picture(self, document: Mapping[str, Any], at: datetime) -> Any:
        return reference_out(self._asked(at).picture(_number(document["owner"], _LARGEST)))

    def _frames(self, document: Mapping[str, Any], at: datetime) -> Any:
        codes = self._asked(at).timelines.frames(_number(document["owner"], _LARGEST))
        return codes_out([code for code in codes if code.algorithm is Algorithm.PDQ_FRAME])

    def _sound(self, document: Mapping[str, Any], at: datetime) -> Any:
        return reference_out(self._asked(at).sound_reference(_number(document["owner"], _LARGEST)))


def _moment(text: str) -> datetime:
    """The time that is asked about.

    Raises:
        ValueError: It is none, or has no offset.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"expected a time with an offset, got {text!r:.60}")
    return at


def _number(value: object, most: int) -> int:
    """A whole number from 0, and this at most.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a whole number, got {type(value).__name__}")
    return max(0, min(value, most))
