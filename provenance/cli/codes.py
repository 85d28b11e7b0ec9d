"""`provenance codes`: the table of findings."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from provenance.cli.streams import write_document, write_text
from provenance.cli.terminal import wrap
from provenance.findings import MEANINGS

__all__ = ["codes"]


def codes(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print every finding that a report may hold, and what it means."""
    rows = [
        {
            "code": code.value,
            "axis": meaning.axis.value,
            "severity": meaning.severity.value,
            "meaning": meaning.says,
            "stems_from": list(meaning.stems_from),
            "obstacle": None if meaning.obstacle is None else meaning.obstacle.value,
        }
        for code, meaning in MEANINGS.items()
    ]
    if as_json:
        write_document(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        write_text(f"{row['code']:<30}{row['axis']:<14}{row['severity']}")
        write_text("\n".join(wrap(str(row["meaning"]), first="    ")))
        if row["stems_from"]:
            write_text("\n".join(wrap(", ".join(row["stems_from"]), first="    from ")))
