"""What a release manifest has to agree with: the directory's entry for its agency, and consent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from provenance.credentials.consent import artist_key
from provenance.errors import ReleaseError
from provenance.signing.consent import (
    ConsentNeed,
    ConsentRecord,
    consent_faults,
    consents_for,
)
from provenance.signing.release_ai import AiDeclaration
from provenance.signing.release_model import Release
from provenance.trust.directory import Agency

__all__ = ["Declarations", "check_release", "consent_needs", "consents_on_record", "release_faults"]

_MAX_FAULTS = 20


Declarations = Sequence[tuple[str, AiDeclaration]]
"""Declared uses of models, each with where it stands in the manifest."""


def check_release(
    release: Release,
    *,
    at: datetime,
    agency: Agency | None,
    where: str,
    declarations: Declarations | None = None,
) -> None:
    """May this be released by this agency, at this time?

    Args:
        release: The manifest.
        at: When it is signed. Ask again when a plan is carried out later: a consent may
            have ended meanwhile.
        agency: The directory's entry; without one, only the manifest itself is looked at.
        where: What to call the manifest in messages.
        declarations: Look at these declared uses alone, not at those of all files.

    Raises:
        ReleaseError: No; one line for each fault, naming artist and use where a consent
            is missing.
    """
    faults = release_faults(release, at=at, agency=agency, declarations=declarations)
    if faults:
        lines = [f"{where}: {fault}" for fault in faults[:_MAX_FAULTS]]
        if len(faults) > _MAX_FAULTS:
            lines.append(f"{where}: and {len(faults) - _MAX_FAULTS} more faults")
        raise ReleaseError(*lines)


def release_faults(
    release: Release,
    *,
    at: datetime,
    agency: Agency | None,
    declarations: Declarations | None = None,
) -> tuple[str, ...]:
    """Everything that keeps it from being released, in words; empty where nothing does."""
    if declarations is None:
        declarations = tuple(release.declarations())
    return (
        *_against_directory(release, agency),
        *_unknown_artists(release, declarations, agency),
        *_without_consent(release, declarations, at),
    )


def consent_needs(release: Release, declarations: Declarations) -> tuple[ConsentNeed, ...]:
    """To what do artists have to have consented, for these declarations?"""
    return tuple(
        ConsentNeed(
            artist=release.canonical_name(name),
            also_called=artist.all_names if (artist := release.artist_called(name)) else (),
            use=use,
            where=where,
        )
        for where, declaration in declarations
        for name in declaration.artists
        for purpose in declaration.used_for
        if (use := purpose.consent_use) is not None
    )


def consents_on_record(
    release: Release, needs: Iterable[ConsentNeed], *, at: datetime
) -> tuple[ConsentRecord, ...]:
    """Which of the release's consents cover these uses?"""
    return consents_for(
        needs,
        release.consents,
        at=at,
        published_at=release.publication_date,
        territories=release.territories,
    )


def _without_consent(release: Release, declarations: Declarations, at: datetime) -> Iterator[str]:
    faults = consent_faults(
        consent_needs(release, declarations),
        release.consents,
        at=at,
        published_at=release.publication_date,
        territories=release.territories,
    )
    yield from map(str, faults)


def _against_directory(release: Release, agency: Agency | None) -> Iterator[str]:
    if agency is None:
        return
    if agency.id != release.agency:
        yield f"agency: expected {agency.id}, got {release.agency}"
        return
    scope = agency.scope
    if scope.artists is not None:
        listed = set(map(artist_key, scope.artists))
        for number, artist in enumerate(release.artists):
            if artist_key(artist.name) not in listed:
                yield (
                    f"artists[{number}]: the directory does not list {artist.name} for "
                    f"{agency.name}: its files would not be official"
                )
    if scope.territories is not None:
        where = release.territories
        if where is None or not set(where) <= set(scope.territories):
            countries = ", ".join(scope.territories)
            yield f"territories: the directory lists {agency.name} for {countries} only"


def _unknown_artists(
    release: Release, declarations: Declarations, agency: Agency | None
) -> Iterator[str]:
    """Artists of declarations whom neither the release nor the directory knows."""
    listed = set(map(artist_key, (agency.scope.artists if agency else None) or ()))
    for where, declaration in declarations:
        for name in declaration.artists:
            if release.artist_called(name) is None and artist_key(name) not in listed:
                yield (
                    f"{where}.artists: {name} is neither among the artists of the release nor "
                    "among those that the directory lists for the agency"
                )
