"""The descriptive metadata of a released file (`cawg.metadata`).

Spec: CAWG Metadata 1.1 (any schema; JSON-LD in a JSON box); JSON-LD 1.1; IPTC Photo Metadata
Standard 2025.1; PLUS LDF 2.1; ISO 16684-1 (XMP, language alternatives); PRISM 2.0 (dates
of publication and embargo); schema.org `isrcCode`, `iswcCode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provenance.media.formats import MediaKind
from provenance.media.metadata.namespaces import PREFIXES
from provenance.signing.consent import ConsentRecord
from provenance.signing.media_identifiers import isni_url
from provenance.signing.public_text import x_default
from provenance.signing.release_actions import source_type_uri
from provenance.signing.release_model import (
    Artist,
    Credit,
    FileEntry,
    Release,
)
from provenance.signing.release_rights import Licensor, Rights, TrainingAndMining
from provenance.trust.directory import Agency

__all__ = ["metadata_body", "training_and_mining_body"]

_URIS: dict[str, str] = {}
for _uri, _prefix in PREFIXES.items():
    _URIS.setdefault(_prefix, _uri)

# Roles whose holders made the work, in IPTC's sense of a creator.
_CREATORS = frozenset(
    (
        "artist",
        "author",
        "composer",
        "director",
        "illustrator",
        "lyricist",
        "photographer",
        "songwriter",
    )
)
_PLUS = "http://ns.useplus.org/ldf/vocab/"
_ENTRIES = ("ai_training", "ai_generative_training", "ai_inference", "data_mining")


def metadata_body(
    release: Release,
    entry: FileEntry,
    title: dict[str, str],
    *,
    kind: MediaKind,
    agency: Agency | None,
    consents: Sequence[ConsentRecord] = (),
) -> dict[str, Any]:
    """What does the metadata assertion of this file say?

    Artists are named once, by the name that the directory may list: what a key may be
    used for is told by it. Other names of theirs stand in IPTC's details of persons.

    Args:
        release: The manifest.
        entry: What it says of the file.
        title: The file's title, in each language.
        kind: What a person would call the file.
        agency: The directory's entry of the agency, whose name is the publisher's.
        consents: The consents on record that the file relies on.
    """
    said: dict[str, Any] = {
        "dc:title": x_default(title),
        "dc:identifier": [release.release_id],
        "dc:publisher": [agency.name if agency else release.agency],
    }
    for name, text in (
        ("dc:description", entry.description),
        ("Iptc4xmpCore:AltTextAccessibility", entry.alt_text),
    ):
        if text is not None:
            said[name] = x_default(text)
    said |= _people(release, entry, kind)
    said |= _rights(release.rights)
    said |= _dates_and_places(release)
    if entry.languages:
        said["dc:language"] = list(entry.languages)
    if entry.isrc:
        said["schema:isrcCode"] = entry.isrc
    if entry.iswc:
        said["schema:iswcCode"] = entry.iswc
    if entry.digital_source_type is not None:
        said["Iptc4xmpExt:DigitalSourceType"] = source_type_uri(entry.digital_source_type)
    if entry.ai:
        models = dict.fromkeys(declaration.model.full_name for declaration in entry.ai)
        said["Iptc4xmpExt:AISystemUsed"] = "; ".join(models)
    said |= _model_releases(consents)
    said |= _data_mining(release.training_and_mining)
    prefixes = {name.partition(":")[0] for name in _names(said)}
    return {"@context": {prefix: _URIS[prefix] for prefix in sorted(prefixes)}} | said


def training_and_mining_body(choices: TrainingAndMining) -> dict[str, Any]:
    """What does the training and data mining assertion say?

    Spec: CAWG Training and Data Mining 1.1 (`constraint_info` as in its CDDL).
    """
    entries: dict[str, Any] = {}
    for name in _ENTRIES:
        choice = getattr(choices, name)
        entries[f"cawg.{name}"] = {"use": choice.use} | (
            {"constraint_info": choice.info} if choice.info else {}
        )
    return {"entries": entries}


def _names(value: Any) -> list[str]:
    """Every property name, at any depth; keys that name a language have no colon."""
    found = []
    open_ = [value]
    while open_:
        item = open_.pop()
        if isinstance(item, dict):
            found += [key for key in item if ":" in key]
            open_ += item.values()
        elif isinstance(item, list):
            open_ += item
    return found


def _people(release: Release, entry: FileEntry, kind: MediaKind) -> dict[str, Any]:
    credited = release.credits if entry.credits is None else entry.credits
    said: dict[str, Any] = {}
    for name, group in (
        ("dc:creator", [c for c in credited if c.role.lower() in _CREATORS]),
        ("dc:contributor", [c for c in credited if c.role.lower() not in _CREATORS]),
    ):
        if group:
            said[name] = list(dict.fromkeys(credit.name for credit in group))
    if credited:
        said["Iptc4xmpExt:Contributor"] = [_contributor(credit) for credit in credited]
    shown = _shown(release, entry)
    names = [artist.name for artist in shown]
    if names and kind in {MediaKind.IMAGE, MediaKind.VIDEO}:
        said["Iptc4xmpExt:PersonInImage"] = names
        details = [_person(artist) for artist in shown if artist.names or artist.isni]
        if details:
            said["Iptc4xmpExt:PersonInImageWDetails"] = details
    if names and kind in {MediaKind.AUDIO, MediaKind.VIDEO}:
        said["xmpDM:artist"] = names
    return said


def _shown(release: Release, entry: FileEntry) -> list[Artist]:
    if entry.shows is None:
        return list(release.artists)
    found = {a.name: a for name in entry.shows if (a := release.artist_called(name)) is not None}
    return list(found.values())


def _contributor(credit: Credit) -> dict[str, Any]:
    said: dict[str, Any] = {
        "Iptc4xmpExt:Name": credit.name,
        "Iptc4xmpExt:Role": [credit.role],
    }
    if credit.isni:
        said["Iptc4xmpExt:Identifier"] = [isni_url(credit.isni)]
    return said


def _person(artist: Artist) -> dict[str, Any]:
    said: dict[str, Any] = {"Iptc4xmpExt:PersonName": {"x-default": artist.name} | artist.names}
    if artist.isni:
        said["Iptc4xmpExt:PersonId"] = [isni_url(artist.isni)]
    return said


def _rights(rights: Rights) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if rights.copyright is not None:
        said["dc:rights"] = x_default(rights.copyright)
        said["xmpRights:Marked"] = True
    if rights.usage_terms is not None:
        said["xmpRights:UsageTerms"] = x_default(rights.usage_terms)
    if rights.web_statement is not None:
        said["xmpRights:WebStatement"] = rights.web_statement
    if rights.credit_line is not None:
        said["photoshop:Credit"] = rights.credit_line
    if rights.licensor is not None:
        said["plus:Licensor"] = [_licensor(rights.licensor)]
    return said


def _licensor(licensor: Licensor) -> dict[str, str]:
    said = {"plus:LicensorName": licensor.name}
    if licensor.url is not None:
        said["plus:LicensorURL"] = licensor.url
    if licensor.email is not None:
        said["plus:LicensorEmail"] = licensor.email
    return said


def _dates_and_places(release: Release) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if release.publication_date is not None:
        said["prism:publicationDate"] = release.publication_date.isoformat()
    if release.embargo_until is not None:
        said["prism:embargoDate"] = release.embargo_until.isoformat()
    if release.channels:
        said["dc:relation"] = list(release.channels)
    if release.territories is not None:
        said["plus:RegionConstraints"] = ", ".join(release.territories)
    return said


def _model_releases(consents: Sequence[ConsentRecord]) -> dict[str, Any]:
    if not consents:
        return {}
    # Limited: every consent has a term, and is for the uses it names.
    said: dict[str, Any] = {"plus:ModelReleaseStatus": _PLUS + "MR-LMR"}
    identifiers = [consent.identifier for consent in consents if consent.identifier]
    if identifiers:
        said["plus:ModelReleaseID"] = list(dict.fromkeys(identifiers))
    return said


def _data_mining(choices: TrainingAndMining) -> dict[str, Any]:
    """The nearest term of PLUS's list that permits no more than the choices do."""
    made = {name: getattr(choices, name) for name in _ENTRIES}
    forbidden = {name for name, choice in made.items() if choice.use == "notAllowed"}
    infos = [f"{name}: {choice.info}" for name, choice in made.items() if choice.info]
    if infos:
        return {
            "plus:DataMining": _PLUS + "DMI-PROHIBITED-SEECONSTRAINT",
            "plus:OtherConstraints": {"x-default": "; ".join(infos)},
        }
    term = {
        frozenset[str](): "DMI-ALLOWED",
        frozenset({"ai_generative_training"}): "DMI-PROHIBITED-GENAIMLTRAINING",
        frozenset({"ai_training", "ai_generative_training"}): "DMI-PROHIBITED-AIMLTRAINING",
    }.get(frozenset(forbidden), "DMI-PROHIBITED")
    return {"plus:DataMining": _PLUS + term}
