"""Whatever is done to a register in whichever order, it stands as a plain model says."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.exporting import export_register
from provenance.registry.register.fsck import check_register
from provenance.registry.register.importing import import_register
from provenance.registry.register.register import Register
from provenance.registry.register.transfer_lines import encode_line, parse_line
from provenance.signing.memory_signer import MemorySigner
from tests.factory.registers import AGENCY, AT, Desk, digest_of

NAMES = ("NOVA9-0", "NOVA9-1", "NOVA9-2")
UNTIL = AT + timedelta(days=7)
NOW = AT + timedelta(days=1)


@dataclass
class Modelled:
    files: dict[str, datetime] = field(default_factory=dict)
    withdrawn: bool = False
    newer: str | None = None


class Model:
    """What a register has to say, in the plainest way."""

    def __init__(self) -> None:
        self.releases: dict[str, Modelled] = {}

    def release(self, name: str, file: str, visible_from: datetime) -> bool:
        found = self.releases.get(name)
        if found is not None and found.withdrawn:
            return False
        found = self.releases.setdefault(name, Modelled())
        found.files[file] = min(visible_from, found.files.get(file, visible_from))
        return True

    def withdraw(self, name: str) -> bool:
        found = self.releases.get(name)
        if found is None or found.withdrawn:
            return False
        found.withdrawn = True
        return True

    def supersede(self, name: str, newer: str) -> bool:
        found = self.releases.get(name)
        if found is None or found.withdrawn or newer not in self.releases:
            return False
        at: str | None = newer
        while at is not None:
            if at == name:
                return False
            at = self.releases[at].newer
        found.newer = newer
        return True

    def shown(self, name: str, reader: str | None, now: datetime) -> bool:
        found = self.releases.get(name)
        if found is None:
            return False
        return reader == AGENCY or any(at <= now for at in found.files.values())

    def state(self, name: str, reader: str | None, now: datetime) -> tuple[str, str | None]:
        found = self.releases[name]
        newer = found.newer
        if newer is not None and not self.shown(newer, reader, now):
            newer = None
        if found.withdrawn:
            return "withdrawn", newer
        return ("current", None) if newer is None else ("superseded", newer)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("release"), st.sampled_from(NAMES), st.sampled_from("ab"), st.booleans()),
        st.tuples(st.just("withdraw"), st.sampled_from(NAMES)),
        st.tuples(st.just("supersede"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(operations=OPERATIONS)
def test_a_register_stands_as_the_model_says(
    agency_signer: MemorySigner,
    tmp_path_factory: pytest.TempPathFactory,
    operations: list[tuple[object, ...]],
) -> None:
    folder = tmp_path_factory.mktemp("register")
    desk, model = Desk(agency_signer), Model()
    with Register(folder / "one.db") as register, Register(folder / "two.db") as other:
        for operation in operations:
            match operation:
                case ("release", str(name), str(file), bool(hidden)):
                    changes = desk.release(name, file, embargo_until=UNTIL if hidden else None)
                    taken = model.release(name, file, UNTIL if hidden else desk.at)
                case ("withdraw", str(name)):
                    changes = [desk.withdraw(name)]
                    taken = model.withdraw(name)
                case (_, str(name), str(newer)):
                    changes = [desk.supersede(name, newer)]
                    taken = model.supersede(name, newer)
            if taken:
                register.take(changes, at=desk.at)
            else:
                with pytest.raises(RegisterError):
                    register.take(changes, at=desk.at)
        stream = io.BytesIO()
        export_register(register.database, stream)
        for line in stream.getvalue().splitlines(keepends=True):
            assert encode_line(parse_line(line, where="line")) == line
        stream.seek(0)
        import_register(other, stream, now=NOW, believe_times=True)
        for found in (register, other):
            agree(found, model)
            report = check_register(found.database, agencies=AgencyChecker(None))
            assert report.findings == ()


def agree(register: Register, model: Model) -> None:
    for reader in (None, AGENCY):
        for now in (NOW, UNTIL):
            view = register.view(reader, clock=lambda now=now: now)  # type: ignore[misc]
            shown = [name for name in NAMES if model.shown(name, reader, now)]
            assert [r.release for r in view.releases(at=now)] == shown
            for name in shown:
                release = view.release(AGENCY, name, at=now)
                assert release is not None
                state, newer = model.state(name, reader, now)
                assert (release.state, release.replaced_by) == (state, newer)
            for file in "ab":
                names = {
                    name
                    for name, found in model.releases.items()
                    if file in found.files and (reader == AGENCY or found.files[file] <= now)
                }
                files = view.files(digest_of(file), at=now)
                assert {f.release.release for f in files} == names
