"""What is signed about one file of a release: the manifest definition, as the engine takes it.

Created assertions are what the signer of the claim vouches for itself: the actions and
the models that were used. What the release desk entered (metadata, permissions, consent)
is gathered, and becomes the agency's word through the statement of identity that refers to
all of it; where none is made, the agency's claim key has to vouch for it.

Spec: C2PA 2.5, "Actions", "Ingredient", "AI disclosure", "Created and gathered
assertions"; CAWG Metadata 1.1; CAWG Training and Data Mining 1.1; CAWG identity
assertion 1.3.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any

from provenance.credentials.consent import AI_DISCLOSURE_LABEL, concern_metadata
from provenance.errors import ReleaseError
from provenance.media.formats import MediaFormat
from provenance.signing.artist_consent import consent_assertion
from provenance.signing.claim_content import ClaimContent, PlannedIngredient
from provenance.signing.consent import ConsentNeed
from provenance.signing.public_text import in_language
from provenance.signing.release import LoadedRelease
from provenance.signing.release_actions import CREATED, source_type_uri
from provenance.signing.release_ai import AiDeclaration
from provenance.signing.release_files import ReleaseFile, find_file
from provenance.signing.release_metadata import metadata_body, training_and_mining_body
from provenance.signing.release_model import (
    FileEntry,
    IngredientEntry,
    Relationship,
    Release,
)
from provenance.signing.release_rules import check_release, consent_needs, consents_on_record
from provenance.signing.soft_binding import soft_binding_assertion
from provenance.trust.directory import Agency

__all__ = ["PRODUCT", "SPEC_VERSION", "claim_content"]

PRODUCT = "Provenance"
"""The product that makes the claims."""

SPEC_VERSION = "2.4.0"
"""The version of C2PA that the claims keep to: the newest that the engine has structures for."""

_ACTIONS = "c2pa.actions.v2"
_METADATA = "cawg.metadata"
_TRAINING = "cawg.training-mining"
_INGREDIENT = "c2pa.ingredient.v3"


def claim_content(  # noqa: PLR0913 - each is one fact of the file
    loaded: LoadedRelease,
    file: ReleaseFile,
    *,
    media_format: MediaFormat,
    at: datetime,
    agency: Agency | None = None,
    has_credentials: bool = False,
    credentialed: Collection[str] = (),
    metadata_removed: bool = False,
    with_identity: bool = True,
    iscc: str | None = None,
) -> ClaimContent:
    """What will be claimed about this file?

    A file that has credentials already becomes the parent of what is signed; so does an
    original that the manifest names as one. Any other file is said to be created.

    Args:
        loaded: The release manifest.
        file: The file, one of `expand_files(loaded)`.
        media_format: As sniffed from its bytes.
        at: When it is signed; consents are held against it.
        agency: The directory's entry of the agency.
        has_credentials: Whether the file carries credentials, or has a sidecar.
        credentialed: Paths, as the manifest writes them, of ingredients with credentials.
        metadata_removed: Whether private metadata are taken out before signing; where the
            file has a parent that is a change to be told.
        with_identity: Whether the agency signs a statement of identity over all of it.
        iscc: The file's content code, which becomes its soft binding.

    Raises:
        ReleaseError: The release, or this file of it, breaks a rule; a use of a model that
            concerns an artist has no consent on record.
    """
    release, where = loaded.document, f"{loaded.path}: {file.where}"
    own_needs = _check(loaded, file, media_format, at, agency)
    parents = [i for i in file.entry.ingredients if i.relationship is Relationship.PARENT]
    if has_credentials and parents:
        raise ReleaseError(
            f"{where}: {file.path} has credentials of its own, so it is the parent itself; "
            f"{parents[0].path} cannot be another"
        )
    ingredients = _ingredients(
        loaded, file, has_credentials=has_credentials, credentialed=credentialed, where=where
    )
    consents = consents_on_record(release, own_needs, at=at)
    permissions = release.training_and_mining
    title = _title(release, file)
    actions = _actions(
        file.entry,
        ingredients,
        opened=has_credentials or bool(parents),
        metadata_removed=metadata_removed,
        where=where,
    )
    disclosures = [_disclosure(release, declaration) for declaration in file.entry.ai]
    metadata = metadata_body(
        release,
        file.entry,
        title,
        kind=media_format.kind,
        agency=agency,
        consents=consents,
    )
    assertions: list[dict[str, Any]] = [
        {"label": _ACTIONS, "created": True, "data": actions},
        *({"label": AI_DISCLOSURE_LABEL, "created": True, "data": d} for d in disclosures),
        *(soft_binding_assertion(code) for code in (iscc,) if code is not None),
        *(
            {**entered, "created": not with_identity}
            for entered in (
                # JSON-LD goes into a JSON box; the engine would make CBOR of it.
                {"label": _METADATA, "kind": "Json", "data": metadata},
                {"label": _TRAINING, "data": training_and_mining_body(permissions)},
                *(consent_assertion(release, record) for record in consents),
            )
        ),
    ]
    labels = [entry["label"] for entry in assertions] + [_INGREDIENT] * len(ingredients)
    return ClaimContent(
        manifest={
            "claim_generator_info": [
                {
                    "name": PRODUCT,
                    "version": _own_version(),
                    "specVersion": SPEC_VERSION,
                }
            ],
            "title": in_language(title),
            "assertions": assertions,
        },
        ingredients=tuple(ingredients),
        referenced=_numbered(labels),
    )


def _check(
    loaded: LoadedRelease,
    file: ReleaseFile,
    media_format: MediaFormat,
    at: datetime,
    agency: Agency | None,
) -> tuple[ConsentNeed, ...]:
    """Hold the release and this file against the rules, and say what consent it needs."""
    release = loaded.document
    declarations = tuple(
        (f"{file.where}.ai[{n}]", declaration) for n, declaration in enumerate(file.entry.ai)
    )
    check_release(release, at=at, agency=agency, where=str(loaded.path), declarations=declarations)
    if agency is not None and agency.scope.media_kinds is not None:
        kinds = {kind.value for kind in agency.scope.media_kinds}
        if media_format.kind.value not in kinds:
            raise ReleaseError(
                f"{loaded.path}: {file.where}: {file.path}: the directory lists {agency.name} "
                f"for {', '.join(sorted(kinds))} only, and this is {media_format.media_type}"
            )
    return consent_needs(release, declarations)


def _title(release: Release, file: ReleaseFile) -> dict[str, str]:
    title = file.entry.title or release.title
    if file.entry.glob is None:
        return dict(title)
    stem = PurePosixPath(file.path).stem
    return {
        language: text.replace("{number}", str(file.number)).replace("{stem}", stem)
        for language, text in title.items()
    }


def _ingredients(
    loaded: LoadedRelease,
    file: ReleaseFile,
    *,
    has_credentials: bool,
    credentialed: Collection[str],
    where: str,
) -> list[PlannedIngredient]:
    found = []
    if has_credentials:
        definition = {
            "title": PurePosixPath(file.path).name,
            "relationship": Relationship.PARENT.value,
            "label": "parent",
        }
        found.append(PlannedIngredient(path=file.source, definition=definition))
    for number, entry in enumerate(file.entry.ingredients):
        place = f"{file.where}.ingredients[{number}]"
        path = find_file(loaded, entry.path, where=place)
        if path == file.source:
            raise ReleaseError(f"{where}: {entry.path} cannot be an ingredient of itself")
        if entry.digital_source_type is not None and entry.path in credentialed:
            raise ReleaseError(
                f"{loaded.path}: {place}: {entry.path} has credentials, which say themselves "
                "how it came to be: leave digital_source_type out"
            )
        definition = _ingredient(entry, f"ingredient-{number}")
        found.append(PlannedIngredient(path=path, definition=definition))
    return found


def _ingredient(entry: IngredientEntry, label: str) -> dict[str, Any]:
    said = {
        "title": entry.title or PurePosixPath(entry.path).name,
        "relationship": entry.relationship.value,
        "label": label,
    }
    if entry.digital_source_type is not None:
        said["digital_source_type"] = source_type_uri(entry.digital_source_type)
    return said


def _actions(
    entry: FileEntry,
    ingredients: list[PlannedIngredient],
    *,
    opened: bool,
    metadata_removed: bool,
    where: str,
) -> dict[str, Any]:
    """The actions assertion: first how it began, then what was placed, then what was done."""

    def labels(relationship: Relationship) -> list[str]:
        return [
            i.definition["label"]
            for i in ingredients
            if i.definition["relationship"] == relationship
        ]

    stated = [action.definition() for action in entry.actions]
    stated_creation = stated.pop(0) if stated and stated[0]["action"] == CREATED else None
    inputs = labels(Relationship.INPUT)
    if opened:
        if stated_creation is not None:
            raise ReleaseError(f"{where}: it has a parent, so it cannot begin with {CREATED}")
        actions = [_with({"action": "c2pa.opened"}, labels(Relationship.PARENT))]
    else:
        if entry.digital_source_type is None:
            raise ReleaseError(
                f"{where}: digital_source_type is missing: how did the content come to be?"
            )
        created = stated_creation or {"action": CREATED}
        created["digitalSourceType"] = source_type_uri(entry.digital_source_type)
        actions = [_with(created, inputs)]
        inputs = []
    components = labels(Relationship.COMPONENT)
    if components:
        actions.append(_with({"action": "c2pa.placed"}, components))
    if inputs:
        _refer_to_inputs(stated, entry, inputs, where)
    if opened and metadata_removed:
        actions.append({"action": "c2pa.edited.metadata"})
    return {"actions": [*actions, *stated], "allActionsIncluded": entry.all_actions}


def _with(action: dict[str, Any], ingredients: list[str]) -> dict[str, Any]:
    """The action, referring to these ingredients; the engine writes the references."""
    if ingredients:
        action.setdefault("parameters", {})["ingredientIds"] = ingredients
    return action


def _refer_to_inputs(
    stated: list[dict[str, Any]], entry: FileEntry, inputs: list[str], where: str
) -> None:
    """What went into a model belongs to the action in which the model was used."""
    first = entry.actions[0].action if entry.actions else None
    offset = 1 if first == CREATED else 0
    for position, action in enumerate(entry.actions[offset:]):
        if action.is_trained:
            _with(stated[position], inputs)
            return
    raise ReleaseError(
        f"{where}: ingredients: inputTo needs an action with a trained model's "
        "digital_source_type to which it was the input"
    )


def _disclosure(release: Release, declaration: AiDeclaration) -> dict[str, Any]:
    model = declaration.model
    said: dict[str, Any] = {"modelType": model.type, "modelName": model.full_name}
    if model.identifier is not None:
        said["modelIdentifier"] = model.identifier
    if declaration.oversight is not None:
        said["contentProfile"] = {"humanOversightLevel": declaration.oversight.value}
    said["metadata"] = concern_metadata(
        tuple(purpose.value for purpose in declaration.used_for),
        tuple(release.canonical_name(name) for name in declaration.artists),
    )
    return said


@lru_cache(maxsize=1)
def _own_version() -> str:
    return version("provenance-verifier")


def _numbered(labels: list[str]) -> tuple[str, ...]:
    """The labels as the engine numbers them: `label`, `label__1`, `label__2`."""
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        number = seen.get(label, 0)
        seen[label] = number + 1
        found.append(f"{label}__{number}" if number else label)
    return tuple(found)
