"""The one writer of a log: takes agencies' statements and makes entries of them.

The entries are committed to the store before anything else, so that a process that is
killed at any moment loses none that it has said it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from provenance.atomic_files import locked, read_bounded, replace_file
from provenance.credentials.cose import SignatureAnswer
from provenance.errors import LimitError, MalformedError
from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.errors import LogError
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.keys import NoteSigner
from provenance.registry.log.leaf import Leaf, SignedStatement, make_leaf, parse_leaf
from provenance.registry.log.merkle import hash_record
from provenance.registry.log.publisher import MEND, Publisher, WitnessClient
from provenance.registry.log.statement import Embargo, Register, Reveal, opens
from provenance.registry.log.store import LogStore

__all__ = ["MAX_BATCH", "Appended", "LogWriter"]

MAX_BATCH = 16_384
# Clocks that are set now and then go back a little; then the last time is used again.
_CLOCK_SLACK = timedelta(seconds=5)
# Agencies' clocks differ from the log's.
_CLAIM_AHEAD = timedelta(minutes=5)
_MAX_TIME_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a batch.

    Attributes:
        indices: Number of each statement's entry, in the order given.
        added: How many of them are new; the others were in the log already.
        checkpoint: The signed note that covers them all.
        not_cosigned: Why witnesses did not sign it, one line each.
    """

    indices: tuple[int, ...]
    added: int
    checkpoint: bytes
    not_cosigned: tuple[str, ...] = ()


class LogWriter:
    """Adds to a log; as a context manager, since it keeps every other writer out.

    Entering finishes what a process that was killed has left unfinished. One thread at a
    time may use it.

    Time in a log never goes back: watchers would be alarmed, and an entry put in late could
    say that it was early. Where a clock was far ahead once, `stand_still` lets the log go on.

    Args:
        folder: The log.
        signer: Its key.
        agencies: Whose statements are taken; without it, those of everybody whose
            signature is right.
        seen: Checkpoints that others have seen, as signed notes. If the log has been put
            back to an older state than theirs, it refuses to sign.
        witnesses: Are asked before a checkpoint is published. One that fails delays nothing.

    Raises:
        LogError: The key is another's; on entering, the log is not in a state in which it
            may be signed.
        ConfigurationError: On entering: another process is writing, or the folder cannot be
            used.
    """

    def __init__(
        self,
        folder: LogFolder,
        signer: NoteSigner,
        *,
        agencies: AgencyChecker | None = None,
        seen: Sequence[bytes] = (),
        witnesses: Sequence[WitnessClient] = (),
    ) -> None:
        if signer.key != folder.key:
            raise LogError(
                f"{folder.path}: expected the key {folder.key.key_id.hex()} of {folder.origin!r}, "
                f"got {signer.key.key_id.hex()} of {signer.key.name!r}"
            )
        self._folder = folder
        self._signer = signer
        self._agencies = agencies
        self._seen = tuple(seen)
        self._witnesses = tuple(witnesses)
        self._held = ExitStack()
        self._usable = False
        self._store: LogStore
        self._publisher: Publisher
        self._last_logged: datetime | None = None
        self._stands_at: datetime | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(locked(self._folder.lock))
            self._clear_staging()
            self._store = LogStore(self._folder.store)
            stack.callback(self._store.close)
            self._publisher = Publisher(
                self._folder,
                self._store,
                self._signer,
                seen=self._seen,
                witnesses=self._witnesses,
            )
            count = self._store.size()
            if count:
                self._last_logged = self.entry(count - 1).logged_at
            self._stands_at = self._wrong_time()
            self._publisher.add_unsigned()
            self._publisher.publish()
            self._usable = True
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._usable = False
        self._held.close()

    @property
    def size(self) -> int:
        """How many entries the published checkpoint covers."""
        return self._publisher.size

    @property
    def checkpoint(self) -> bytes:
        """The published checkpoint."""
        return self._publisher.published

    def stand_still(self, wrong: datetime, *, now: datetime) -> None:
        """Let time stand still until the last entry's, which is wrong, has come.

        What is taken meanwhile says that time too: later than it is, and never earlier. Whether
        a key counts is asked as of it, as watchers ask.

        Args:
            wrong: The last entry's time, named so that nobody stops another one.
            now: By the log's clock.

        Raises:
            LogError: It is not the last entry's, or has come.
            ConfigurationError: It cannot be written down.
        """
        if wrong != self._last_logged:
            last = "there is none" if self._last_logged is None else self._last_logged.isoformat()
            raise LogError(f"{self._folder.path}: expected the last entry's time, {last}")
        if wrong <= now:
            raise LogError(f"{self._folder.path}: {wrong.isoformat()} has come; nothing to be done")
        replace_file(
            self._folder.wrong_time, f"{wrong.isoformat()}\n".encode(), staging=self._folder.staging
        )
        self._stands_at = wrong

    def _wrong_time(self) -> datetime | None:
        path = self._folder.wrong_time
        if not path.exists():
            return None
        try:
            return datetime.fromisoformat(read_bounded(path, _MAX_TIME_BYTES).decode().strip())
        except ValueError as error:
            raise LogError(f"{path}: expected a time") from error

    def has(self, signed: SignedStatement) -> bool:
        """Is this statement in the log already?"""
        return self._store.find(signed.digest) is not None

    def append(self, statements: Sequence[SignedStatement], *, at: datetime) -> Appended:
        """Take these statements into the log: all of them, or none.

        One that is in the log already is not added again, so that an import that was
        interrupted can simply be repeated.

        Args:
            statements: In their order.
            at: Now, by the log's clock; aware.

        Raises:
            LimitError: More than `MAX_BATCH`, or one that is too long.
            LogError: One cannot be taken, the clock has gone back, or the log must not be
                signed.
            ConfigurationError: The log cannot be written. After an error while writing, it
                has to be opened again.
        """
        if not self._usable:
            raise LogError(f"{self._folder.path}: is not open for writing; open it again")
        if len(statements) > MAX_BATCH:
            raise LimitError(f"expected {MAX_BATCH} statements at most, got {len(statements)}")
        moment = self._moment(at)
        indices: list[int] = []
        new: dict[bytes, tuple[int, Leaf]] = {}
        for number, signed in enumerate(statements):
            digest = signed.digest
            index = new[digest][0] if digest in new else self._store.find(digest)
            if index is None:
                leaf = make_leaf(signed, logged_at=moment)
                self._check(leaf, f"statement {number}", min(at, moment))
                index = self._publisher.size + len(new)
                new[digest] = (index, leaf)
            indices.append(index)
        # From here on memory and disk may differ if something fails.
        self._usable = False
        if new:
            leaves = [(leaf, hash_record(leaf.record)) for _, leaf in new.values()]
            self._store.add(self._publisher.size, leaves)
            self._publisher.add([leaf_hash for _, leaf_hash in leaves])
            self._last_logged = moment
        failed = self._publisher.publish()
        self._usable = True
        return Appended(
            indices=tuple(indices),
            added=len(new),
            checkpoint=self._publisher.published,
            not_cosigned=failed,
        )

    def _moment(self, at: datetime) -> datetime:
        moment = at.replace(microsecond=0)
        if self._last_logged is None or moment >= self._last_logged:
            return moment
        if self._last_logged - moment <= _CLOCK_SLACK or self._last_logged == self._stands_at:
            return self._last_logged
        raise LogError(
            f"{self._folder.path}: the clock has gone back: it says {moment.isoformat()}, and the "
            f"last entry was taken at {self._last_logged.isoformat()}; set the clock. If it "
            f"is right, and was wrong then: `provenance log wrong-time {self._folder.path} --time "
            f"{self._last_logged.isoformat()}`"
        )

    def _check(self, leaf: Leaf, where: str, now: datetime) -> None:
        """Refuse what the log's readers would be alarmed about, and what is not for them yet."""
        if leaf.statement.claimed_at > now + _CLAIM_AHEAD:
            raise LogError(
                f"{where}: is claimed for {leaf.statement.claimed_at.isoformat()}, "
                f"and it is {now.replace(microsecond=0).isoformat()}"
            )
        statement = leaf.statement
        until = statement.embargo_until if isinstance(statement, Register) else None
        if until is not None and until > now:
            raise LogError(
                f"{where}: is under embargo until {until.isoformat()}, and here everybody would "
                "read it for ever; a log is given the commitment to it"
            )
        if self._agencies is not None:
            answer = self._agencies.check(leaf)
            if answer.state not in {EntryState.AGENCY, EntryState.NOT_CHECKED}:
                raise LogError(f"{where}: {answer.why}")
        elif leaf.signed.check_signature() is not SignatureAnswer.VALID:
            raise LogError(f"{where}: the agency's signature does not verify")
        if isinstance(leaf.statement, Reveal) and not self._was_embargoed(leaf.statement):
            raise LogError(
                f"{where}: reveals what entry {leaf.statement.entry} did not put under embargo"
            )

    def _was_embargoed(self, statement: Reveal) -> bool:
        if statement.entry >= self._publisher.size:
            return False
        earlier = self.entry(statement.entry).statement
        return isinstance(earlier, Embargo) and opens(statement, earlier)

    def entry(self, index: int) -> Leaf:
        """Which entry has this number?

        Raises:
            LogError: None, or one that is damaged.
        """
        try:
            return parse_leaf(self._store.record(index), where=f"entry {index}")
        except (MalformedError, LimitError) as error:
            raise LogError(f"{self._folder.store}: {error}; {MEND}") from error

    def _clear_staging(self) -> None:
        # What a process that was killed had not finished.
        staging = self._folder.staging
        try:
            staging.mkdir(exist_ok=True)
            for file in staging.iterdir():
                file.unlink(missing_ok=True)
        except OSError as error:
            raise LogError(
                f"{staging}: cannot be used: {(error.strerror or str(error)).lower()}"
            ) from error
