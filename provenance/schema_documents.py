"""Writes the JSON Schemas of every document that leaves or enters: run it with `python -m`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provenance.bulk.rows import BulkRow
from provenance.credentials.consent import ConsentStatement
from provenance.moderation.evidence.bundle_check import EvidenceAnswer
from provenance.moderation.evidence.documents import AuditLine, EvidenceCase, EvidenceManifest
from provenance.moderation.outcomes.dsa import DsaStatement
from provenance.moderation.outcomes.labels import LabelClaims
from provenance.moderation.policies import PolicyDocument
from provenance.moderation.transparency import TransparencyReport
from provenance.records.disclosure import Disclosure
from provenance.report import Report
from provenance.service.app import openapi_document
from provenance.signing.plan import ReleasePlan
from provenance.signing.release_model import Release
from provenance.trust.directory import Directory

__all__ = ["main", "schema_documents"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_BASE = "https://provenance.example/schemas/"


def schema_documents() -> dict[str, str]:
    """Which schema files are there, by name, and what is in them?"""
    schemas: dict[str, dict[str, Any]] = {
        # A report is written, a directory is read: that decides what is required.
        "report.schema.json": Report.model_json_schema(mode="serialization"),
        "directory.schema.json": Directory.model_json_schema(mode="validation"),
        "release.schema.json": Release.model_json_schema(mode="validation"),
        "release-plan.schema.json": ReleasePlan.model_json_schema(mode="serialization"),
        "bulk-row.schema.json": BulkRow.model_json_schema(mode="serialization"),
        # The assertion `org.provenance-verifier.consent`, as its label's first version.
        "consent.schema.json": ConsentStatement.model_json_schema(mode="validation"),
        "moderation-policy.schema.json": PolicyDocument.model_json_schema(mode="validation"),
        "disclosure.schema.json": Disclosure.model_json_schema(mode="serialization"),
        # `manifest.json` and `case.json` of an evidence bundle, and what checking it says.
        "evidence-manifest.schema.json": EvidenceManifest.model_json_schema(mode="serialization"),
        "evidence-case.schema.json": EvidenceCase.model_json_schema(mode="serialization"),
        "evidence-check.schema.json": EvidenceAnswer.model_json_schema(mode="serialization"),
        "audit-entry.schema.json": AuditLine.model_json_schema(mode="serialization"),
        "label.schema.json": LabelClaims.model_json_schema(mode="serialization"),
        "dsa-statement.schema.json": DsaStatement.model_json_schema(mode="serialization"),
        "transparency.schema.json": TransparencyReport.model_json_schema(mode="serialization"),
    }
    documents = {
        name: {"$schema": _DRAFT, "$id": _BASE + name, **schema} for name, schema in schemas.items()
    }
    # OpenAPI says by itself which schemas it has.
    documents["openapi.json"] = openapi_document()
    return {
        name: json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        for name, document in documents.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or with --check say whether they are up to date (0 or 1)."""
    parser = argparse.ArgumentParser(prog="provenance.schema_documents", description=main.__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(__file__).parent.parent / "schemas"
    )
    given = parser.parse_args(arguments)
    differing = []
    for name, text in schema_documents().items():
        path = given.folder / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        differing.append(name)
        if not given.check:
            path.write_text(text, "utf-8")
    for name in differing:
        sys.stderr.write(f"{name}: {'differs' if given.check else 'written'}\n")
    return int(given.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
