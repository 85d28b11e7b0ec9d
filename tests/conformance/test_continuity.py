"""Does another engine, or a change of ours, alter what is said of real files?

`continuity.json` holds what was said of each file of the corpus, and by which
engine. An upgrade of the engine that turns a verdict fails here, and the
turns are listed together; `make_continuity` writes the file again once they are
understood.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.conformance.make_continuity import EXPECTED, row_of
from tests.conformance.test_corpus import ROWS, judged

_DOCUMENT: dict[str, Any] = json.loads(EXPECTED.read_text("utf-8"))
_SAID = ("verdict", "reason", "integrity")

Row = Mapping[str, Any]


def turns(expected: Iterable[Row], got: Iterable[Row]) -> str:
    """What is said otherwise, a line for each way of turning and one for each file."""
    before = {(row["file"], row["profile"]): row for row in expected}
    groups: dict[str, list[str]] = defaultdict(list)
    for row in got:
        old = before.get((row["file"], row["profile"]))
        if old is None:
            # A new file: the other test says so.
            continue
        was, now = ([str(r[key]) for key in _SAID] for r in (old, row))
        if was != now:
            groups[f"{' / '.join(was)} -> {' / '.join(now)}"].append(row["file"])
    return "\n".join(
        f"{turn}:\n" + "\n".join(f"    {file}" for file in files)
        for turn, files in sorted(groups.items())
    )


def test_every_file_of_the_corpus_is_held_on_to() -> None:
    held = {(row["file"], row["profile"], row["sha256"]) for row in _DOCUMENT["files"]}
    there = {(row["file"], row["trust_profile"], row["sha256"]) for row in ROWS}
    assert held == there, "run: python -m tests.conformance.make_continuity"


def test_no_verdict_turns() -> None:
    got = [
        row_of(row["file"], row["trust_profile"], judged(row["file"], row["trust_profile"]))
        for row in ROWS
    ]
    now = judged(ROWS[0]["file"], ROWS[0]["trust_profile"]).context.engine.model_dump()
    found = turns(_DOCUMENT["files"], got)
    assert not found, f"engine {_DOCUMENT['engine']} -> {now}\n{found}"


def test_a_turn_is_told_with_all_of_its_files() -> None:
    def row(file: str, verdict: str) -> Row:
        return {
            "file": file,
            "profile": "none",
            "verdict": verdict,
            "reason": None,
            "integrity": "intact",
        }

    before = [row("a", "signed"), row("b", "signed"), row("c", "signed")]
    after = [row("a", "altered"), row("b", "signed"), row("c", "altered")]
    assert turns(before, before) == ""
    assert turns(before, after) == (
        "signed / None / intact -> altered / None / intact:\n    a\n    c"
    )
