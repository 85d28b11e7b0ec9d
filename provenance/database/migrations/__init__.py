"""The steps that bring a register's database up to date: forward only, never back.

Alembic runs the files of `versions/`. A step that has been released is never edited.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import RegisterError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["HEAD", "VERSION_TABLE", "upgrade"]

HEAD = "0008"
"""The last step; a test holds it against the files."""
VERSION_TABLE = "register_version"


def upgrade(connection: Connection, *, where: str) -> None:
    """Bring the database of this transaction to the last step.

    Raises:
        RegisterError: It is at a step that this program does not know.
    """
    # Long to import, and once a database is there seldom needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise RegisterError(
            f"{where}: was made by a later version of this program, or is none of a register: "
            f"{error}"
        ) from error
