"""`provenance directory init | new-key | propose-root | sign-root | publish | renew | rollback`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.directory_options import (
    ByOption,
    EvidenceOption,
    MaybeEvidenceOption,
    PassphraseOption,
    WorkArgument,
    account_of,
    pairs_of,
    passphrases_of,
)
from provenance.cli.streams import write_text
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.signing.directory_roots import RootProposal
    from provenance.signing.directory_start import RolePlan
    from provenance.trust.lists import ListPurpose, TrustList

__all__ = ["register_keeper", "time_stamp_lists_of"]

_OF = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)")
_MAX_ROOT_BYTES = 512_000

PlainOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-plain-keys",
        help="Write keys without a passphrase: whoever reads the file can sign.",
    ),
]
KeyFileOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key", metavar="FILE", help="A key that is kept elsewhere; may be given several times."
    ),
]


def register_keeper(group: typer.Typer) -> None:
    """Add these commands to the group."""
    for name, command in (
        ("init", init),
        ("new-key", new_key),
        ("propose-root", propose),
        ("sign-root", sign_root),
        ("publish", publish),
        ("renew", renew),
        ("rollback", rollback),
    ):
        group.command(name)(command)


def init(  # noqa: PLR0913 - the options of the command
    *,
    work: Annotated[Path, typer.Argument(metavar="WORK", help="A folder that is new or empty.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the directory.")],
    by: ByOption,
    evidence: MaybeEvidenceOption = "",
    root_key: Annotated[
        list[Path] | None,
        typer.Option(
            "--root-key",
            metavar="FILE",
            help="Public key of one holder (NAME.pub.pem, by new-key); once for each. Without "
            "any, root keys are made in WORK/keys, to be handed out.",
        ),
    ] = None,
    root: Annotated[
        str, typer.Option("--root", metavar="K/N", help="How many of how many sign a root.")
    ] = "2/3",
    targets: Annotated[
        str, typer.Option("--targets", metavar="K/N", help="The same for what is in it.")
    ] = "2/2",
    snapshot: Annotated[str, typer.Option("--snapshot", metavar="K/N")] = "1/1",
    timestamp: Annotated[str, typer.Option("--timestamp", metavar="K/N")] = "1/1",
    days: Annotated[
        list[str] | None,
        typer.Option(
            "--days",
            metavar="ROLE=DAYS",
            help="How long a role's metadata is good: root=365, targets=90, snapshot=14, "
            "timestamp=14.",
        ),
    ] = None,
    passphrase_file: PassphraseOption = None,
    unsafe_plain_keys: PlainOption = False,
    test: Annotated[
        bool, typer.Option("--test", help="For trials: what is judged by it says TEST.")
    ] = False,
) -> None:
    """Begin a directory: its working folder, its keys, a root to be signed."""
    from provenance.signing.directory_keys import load_public_key
    from provenance.signing.directory_start import create_working_folder

    holders = [load_public_key(path) for path in root_key or ()]
    given = {"root": root, "targets": targets, "snapshot": snapshot, "timestamp": timestamp}
    proposal = create_working_folder(
        work,
        name=name,
        test=test,
        plan=_plan(given, dict(pairs_of(days or (), "--days"))),
        holders=holders,
        passphrases=(lambda _: None)
        if unsafe_plain_keys
        else passphrases_of(passphrase_file, new=True),
        unsafe_plain=unsafe_plain_keys,
        account=account_of(by, evidence),
    )
    _show_root(work, proposal)
    write_text(
        f"  sign it:  copy {work}/proposed-root.json to each holder's machine; there:\n"
        "            provenance directory sign-root COPY.json --key HOLDER.pem\n"
        f"            here: provenance directory sign-root {work} --signed COPY.json --by PERSON"
    )


def new_key(
    *,
    name: Annotated[
        Path, typer.Argument(metavar="NAME", help="Becomes NAME.pem and NAME.pub.pem.")
    ],
    passphrase_file: PassphraseOption = None,
    unsafe_plain_keys: PlainOption = False,
) -> None:
    """Make a key on the machine of whoever will hold it."""
    from provenance.signing.directory_keys import write_new_key

    ask = passphrases_of(passphrase_file, new=True)
    public = write_new_key(
        name.parent,
        name.name,
        passphrase=None if unsafe_plain_keys else ask(name.name),
        unsafe_plain=unsafe_plain_keys,
    )
    write_text(f"{name}.pem (keep it), {name}.pub.pem (hand it on); key id {public.keyid}")


def propose(
    *,
    work: WorkArgument,
    by: ByOption,
    evidence: EvidenceOption,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="ROLE=FILE", help="Public key a role gains; repeatable."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove", metavar="ROLE=ID", help="Key id (or its start) a role loses; repeatable."
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option("--threshold", metavar="ROLE=K", help="How many of its keys sign."),
    ] = None,
) -> None:
    """Put forward the next root: other keys, or only a later end."""
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.directory_keys import load_public_key
    from provenance.signing.directory_roots import RootChange, propose_root

    added = [(role, load_public_key(Path(f))) for role, f in _by_role(add, "--add")]
    removed = _by_role(remove, "--remove")
    thresholds = {role: _number(k, "--threshold") for role, k in _by_role(threshold, "--threshold")}
    change = RootChange(
        add={role: [key for r, key in added if r == role] for role, _ in added},
        remove={role: [keyid for r, keyid in removed if r == role] for role, _ in removed},
        thresholds=thresholds,
    )
    _show_root(work, propose_root(WorkingFolder(work), change, account=account_of(by, evidence)))


def sign_root(
    *,
    place: Annotated[
        Path,
        typer.Argument(
            metavar="PLACE",
            help="Working folder, or a copy of its proposed-root.json on another machine.",
        ),
    ],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key of the holder.")
    ] = None,
    signed: Annotated[
        Path | None,
        typer.Option("--signed", metavar="FILE", help="The proposal as signed elsewhere."),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="PERSON", help="For the journal.")] = "",
    passphrase_file: PassphraseOption = None,
) -> None:
    """Add one holder's signature to a proposed root; it takes effect with enough of them."""
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.directory_keys import load_signer
    from provenance.signing.directory_roots import (
        RootProposal,
        collect_root_signatures,
        parse_root,
        sign_proposal,
    )
    from provenance.trust.directory_files import read_bounded, replace_file

    if (key is None) is (signed is None):
        raise typer.BadParameter("expected one of --key, --signed")
    opened = None if key is None else load_signer(key, passphrases_of(passphrase_file))
    if place.is_file():
        if opened is None:
            raise typer.BadParameter("--signed goes with a working folder")
        metadata = parse_root(read_bounded(place, _MAX_ROOT_BYTES), where=str(place))
        sign_proposal(metadata, opened)
        replace_file(place, metadata.to_bytes(), staging=place.absolute().parent)
        write_text(f"{place}: signed by {opened.public_key.keyid[:16]}...")
        for line in RootProposal(metadata=metadata, previous=None).in_words()[:-1]:
            write_text(f"  {line}")
        return
    folder = WorkingFolder(place)
    if signed is not None:
        what = parse_root(read_bounded(signed, _MAX_ROOT_BYTES), where=str(signed))
        proposal = collect_root_signatures(folder, what, account=account_of(by))
    else:
        assert opened is not None  # noqa: S101 - one of the two was given
        proposal = collect_root_signatures(folder, opened, account=account_of(by))
    _show_root(place, proposal)
    if proposal.missing:
        return
    if proposal.waits_for_publish:
        write_text("  it takes effect with the next `provenance directory publish`")
    else:
        version = proposal.metadata.signed.version
        write_text(f"  in force: {folder.repository / 'metadata' / f'{version}.root.json'}")


def publish(
    *,
    work: WorkArgument,
    by: ByOption,
    evidence: MaybeEvidenceOption = "",
    key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
    time_stamp_list: Annotated[
        list[str] | None,
        typer.Option(
            "--time-stamp-list",
            metavar="[NAME=]FILE",
            help="List (PEM or JSON) that vouches for the time-stamps of samples; may be repeated.",
        ),
    ] = None,
    trust_list: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-list",
            metavar="[NAME=]FILE",
            help="List (PEM or JSON) that vouches for products whose claims samples carry; may be "
            "repeated.",
        ),
    ] = None,
) -> None:
    """Make the draft the directory that clients get, if it judges its samples as it should."""
    from provenance.cli.directory_text import age_text
    from provenance.cli.terminal import printable
    from provenance.runtime.clock import system_clock
    from provenance.signing import directory_repository
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.directory_signers import load_online_signers
    from provenance.trust.lists import ListPurpose

    folder = WorkingFolder(work)
    signers = load_online_signers(
        folder,
        ("targets", "snapshot", "timestamp"),
        others=key or (),
        passphrases=passphrases_of(passphrase_file),
    )
    done = directory_repository.publish(
        folder,
        signers,
        account=account_of(by, evidence),
        time_stamp_lists=time_stamp_lists_of(time_stamp_list or ()),
        trust_lists=_lists(trust_list or (), ListPurpose.CLAIM),
    )
    for text in [*done.notes, *(f"{c.kind.value:<9} {c.text}" for c in done.changes)]:
        write_text(printable(text))
    write_text(f"{folder.repository}: version {done.directory.document.version} is published")
    write_text(f"  {age_text(done.directory, system_clock())}")


def renew(
    *,
    work: WorkArgument,
    by: ByOption,
    key: KeyFileOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Vouch again for what is published, with the snapshot and timestamp keys alone."""
    from provenance.cli.directory_text import age_text
    from provenance.runtime.clock import system_clock
    from provenance.signing import directory_repository
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.directory_signers import load_online_signers

    folder = WorkingFolder(work)
    signers = load_online_signers(
        folder,
        ("snapshot", "timestamp"),
        others=key or (),
        passphrases=passphrases_of(passphrase_file),
    )
    loaded = directory_repository.renew(folder, signers, account=account_of(by))
    write_text(f"{folder.repository}: version {loaded.document.version} again")
    write_text(f"  {age_text(loaded, system_clock())}")


def rollback(
    *,
    work: WorkArgument,
    version: Annotated[int, typer.Argument(min=1, metavar="VERSION", help="An earlier version.")],
    by: ByOption,
    evidence: EvidenceOption,
    restore_disowned: Annotated[
        bool,
        typer.Option(
            "--restore-disowned", help="Permit that keys disowned since then count again."
        ),
    ] = False,
) -> None:
    """Make the content of an earlier version the draft; publish then gives it a new number."""
    from provenance.cli.terminal import printable
    from provenance.signing.directory_folder import WorkingFolder
    from provenance.signing.directory_repository import roll_back

    changes = roll_back(
        WorkingFolder(work),
        version,
        account=account_of(by, evidence),
        restore_disowned=restore_disowned,
    )
    for change in changes:
        write_text(printable(f"{change.kind.value:<9} {change.text}"))
    write_text(f"{work}: the draft has the content of version {version} now; it is not published")


def time_stamp_lists_of(given: Sequence[str]) -> list[TrustList]:
    """Which lists do these options name?

    Raises:
        ConfigurationError: One cannot be used.
    """
    from provenance.trust.lists import ListPurpose

    return _lists(given, ListPurpose.TIME_STAMP)


def _lists(given: Sequence[str], purpose: ListPurpose) -> list[TrustList]:
    from provenance.trust.lists import load_trust_list

    lists = []
    for entry in given:
        name, found, file = entry.partition("=")
        path = Path(file if found else entry)
        lists.append(load_trust_list(path, purpose=purpose, name=name if found else None))
    return lists


def _plan(given: dict[str, str], days: dict[str, str]) -> dict[str, RolePlan]:
    from provenance.signing.directory_start import DEFAULT_PLAN, RolePlan

    unknown = days.keys() - given.keys()
    if unknown:
        raise ConfigurationError(f"--days: expected one of {', '.join(given)}, got {min(unknown)}")
    plan: dict[str, RolePlan] = {}
    for role, text in given.items():
        counted = _OF.fullmatch(text)
        if counted is None or int(counted[1]) > int(counted[2]):
            raise ConfigurationError(f"--{role}: expected K/N with K at most N, got {text!r:.20}")
        plan[role] = RolePlan(
            threshold=int(counted[1]),
            keys=int(counted[2]),
            days=_number(days[role], "--days") if role in days else DEFAULT_PLAN[role].days,
        )
    return plan


def _by_role(given: Sequence[str] | None, option: str) -> list[tuple[str, str]]:
    pairs = pairs_of(given or (), option)
    for role, _ in pairs:
        if role not in {"root", "targets", "snapshot", "timestamp"}:
            raise ConfigurationError(
                f"{option}: expected root, targets, snapshot or timestamp, got {role!r:.40}"
            )
    return pairs


def _number(text: str, option: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:6]) < 10_000:
        raise ConfigurationError(f"{option}: expected a number, got {text!r:.20}")
    return int(text)


def _show_root(work: Path, proposal: RootProposal) -> None:
    first, *others = proposal.in_words()
    write_text(f"{work}: {first}")
    for line in others:
        write_text(f"  {line}")
