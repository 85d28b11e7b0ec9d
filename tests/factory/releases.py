"""Release manifests, with the files that they name; and files signed as they say."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from provenance.credentials.engine_signing import ClaimSigner, IngredientSource, sign_stream
from provenance.media.sniff import sniff
from provenance.signing.claim_content import ClaimContent
from provenance.signing.release import LoadedRelease, load_release
from provenance.signing.release_files import ReleaseFile, expand_files
from tests.factory import media
from tests.factory.identity import add_identity, with_identity
from tests.factory.stores import Store

__all__ = [
    "AI",
    "CONSENT",
    "EXAMPLE",
    "SIGNED_AT",
    "example_folder",
    "folder_with",
    "minimal",
    "sign_content",
    "sign_with_identity",
    "the_file",
]

EXAMPLE = Path(__file__).parents[2] / "examples" / "release.yaml"

SIGNED_AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""When releases are signed; the moment at which the tests' verifiers judge."""

CONSENT: Mapping[str, Any] = {
    "artist": "NOVA9",
    "uses": ["voice"],
    "valid_from": "2026-06-01T00:00:00+09:00",
    "valid_until": "2028-05-31T23:59:59+09:00",
    "territories": "worldwide",
    "revocation_contact": "consent@aurora.example",
    "paper_sha256": "5a" * 32,
    "identifier": "C-2026-0117",
}
"""The consent of the sample artist to the use of the voice."""

AI: Mapping[str, Any] = {
    "model": {"name": "Aurora Voice"},
    "oversight": "human_validated",
    "used_for": ["voice"],
    "artists": ["NOVA9"],
}
"""A declaration that needs that consent."""


def minimal(*files: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """The smallest manifest of these files; by default of one photograph."""
    photograph = {"path": "a.jpg", "digital_source_type": "digitalCapture"}
    return {
        "schema_version": "1",
        "agency": "aurora-entertainment",
        "release_id": "NOVA9-2026-11",
        "title": {"en": "Starlight", "ko": "별빛"},
        "artists": [{"name": "NOVA9", "names": {"ko": "노바나인"}}],
        "files": [dict(entry) for entry in files] or [photograph],
        **fields,
    }


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def folder_with(
    folder: Path, document: Mapping[str, Any], files: Mapping[str, bytes]
) -> LoadedRelease:
    """A folder with a manifest and these files."""
    _write(folder, files)
    path = folder / "release.yaml"
    # What is shared in Python would be written with anchors, which are refused.
    unshared = json.loads(json.dumps(document))
    path.write_text(yaml.safe_dump(unshared, allow_unicode=True), "utf-8")
    return load_release(path)


def example_folder(folder: Path, photographs: int = 2) -> LoadedRelease:
    """The example of the repository, with samples in the place of its files."""
    files = {f"concept/{n:02}.jpg": media.jpeg(n) for n in range(1, photographs + 1)}
    files |= {
        "teaser.mp4": media.mp4(1),
        "track.mp3": media.mp3(1),
        "originals/stage.jpg": media.jpeg(9),
    }
    _write(folder, files)
    (folder / "release.yaml").write_bytes(EXAMPLE.read_bytes())
    return load_release(folder / "release.yaml")


def the_file(loaded: LoadedRelease, path: str | None = None) -> ReleaseFile:
    """The one file of a release, or the one with this path."""
    found = [f for f in expand_files(loaded) if path is None or f.path == path]
    assert len(found) == 1, found
    return found[0]


def _ingredients(content: ClaimContent) -> list[IngredientSource]:
    found = []
    for planned in content.ingredients:
        data = planned.path.read_bytes()
        kind = sniff(data)
        assert kind is not None
        found.append(
            IngredientSource(
                stream=io.BytesIO(data),
                media_type=kind.media_type,
                definition=planned.definition,
            )
        )
    return found


def sign_content(asset: bytes, content: ClaimContent, *, signer: ClaimSigner) -> bytes:
    """The asset, signed with this content and no statement of identity."""
    kind = sniff(asset)
    assert kind is not None
    assert kind.engine_type is not None
    out = io.BytesIO()
    sign_stream(
        io.BytesIO(asset),
        out,
        media_type=kind.engine_type,
        manifest=content.manifest,
        signer=signer,
        ingredients=_ingredients(content),
        intent=content.intent,
        digital_source_type=content.digital_source_type,
    )
    return out.getvalue()


def sign_with_identity(
    asset: bytes,
    content: ClaimContent,
    *,
    signer: ClaimSigner,
    identity: ClaimSigner,
    references: Sequence[str] | None = None,
    edit: Callable[[Store], object] | None = None,
    **options: Any,
) -> bytes:
    """The asset with a claim by `signer` and a statement of identity over all that is said.

    `references` replaces what the content says that it covers; `options` are those of
    `add_identity`.
    """
    kind = sniff(asset)
    assert kind is not None
    assert kind.engine_type is not None

    def change(store: Store) -> None:
        if edit is not None:
            edit(store)
            store.rehash()
        listed = [
            entry["url"].rpartition("/")[2]
            for where in ("created_assertions", "gathered_assertions")
            for entry in store.claim.get(where, ())
        ]
        bindings = [label for label in listed if label.startswith("c2pa.hash.")]
        covered = content.referenced if references is None else references
        add_identity(store, identity, references=[*covered, *bindings], **options)

    return with_identity(
        asset,
        kind.engine_type,
        signer=signer,
        edit=change,
        actions=(),
        assertions=content.manifest["assertions"],
        ingredients=_ingredients(content),
        title=content.manifest["title"],
        claim_generator_info=content.manifest["claim_generator_info"],
    )
