"""The steps of the database make exactly the tables that the code knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import provenance.moderation.outcomes.tables
import provenance.moderation.tables
import provenance.records.tables
import provenance.registry.register.schema
import provenance.staff.tables
from provenance.database import migrations
from provenance.database.database import Database
from provenance.database.metadata import METADATA
from provenance.database.migrations import HEAD, VERSION_TABLE
from provenance.registry.register.schema import ADDER, STORER
from tests.factory.earlier_databases import EARLIER, check_that_nothing_is_lost, fill_earlier
from tests.factory.registers import new_database

TABLES = [
    # Imported for the tables that they add to the one metadata.
    *provenance.moderation.outcomes.tables.__all__,
    *provenance.moderation.tables.__all__,
    *provenance.records.tables.__all__,
    *provenance.registry.register.schema.__all__,
    *provenance.staff.tables.__all__,
]


def test_the_steps_make_the_tables(tmp_path: Path) -> None:
    with Database(tmp_path / "new.db") as database, database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []
        found = set(sqlalchemy.inspect(connection).get_table_names()) - {VERSION_TABLE}
    assert found == set(METADATA.tables)
    assert len(found) == len(TABLES) - 1  # one name is that of all tables together


def test_one_that_another_process_holds_open_is_no_strangers(tmp_path: Path) -> None:
    """All of it is in the write-ahead log still: the file's own head says nothing."""
    with Database(tmp_path / "new.db"):
        head = (tmp_path / "new.db").read_bytes()[:72]
        assert head[68:72] == bytes(4)
        with Database(tmp_path / "new.db") as second, second.engine.connect() as connection:
            assert sqlalchemy.inspect(connection).get_table_names()


def test_the_last_step_is_the_last_file() -> None:
    folder = Path(migrations.__file__).parent
    script = ScriptDirectory(str(folder))
    assert script.get_current_head() == HEAD
    assert [step.revision for step in script.walk_revisions()] == [HEAD, *reversed(EARLIER)]


@pytest.mark.parametrize("step", EARLIER)
def test_what_sqlite_kept_at_an_earlier_step_is_kept(step: str, tmp_path: Path) -> None:
    check_that_nothing_is_lost(step, f"sqlite:///{tmp_path / 'old.db'}")


@pytest.mark.parametrize("step", EARLIER)
def test_what_postgresql_kept_at_an_earlier_step_is_kept(step: str, postgresql: str) -> None:
    check_that_nothing_is_lost(step, new_database(postgresql, f"earlier-{step}"))


def test_who_stored_and_added_before_others_could_is_known_still(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'old.db'}"
    before = fill_earlier("0007", place)
    (manifest,), (binding,) = before["register_manifest"], before["register_binding"]
    with Database(place) as database, database.reading() as connection:
        (storer,) = connection.execute(STORER.select())
        (adder,) = connection.execute(ADDER.select())
    assert tuple(storer) == (manifest["sha256"], manifest["stored_by"])
    assert tuple(adder) == (binding["id"], binding["added_by"])
