"""PostgreSQL that says nothing: it is not waited for without end."""

from __future__ import annotations

import socket
import time

import pytest
from sqlalchemy import make_url

from provenance.database import database
from provenance.database.database import Database
from provenance.errors import RegisterError
from tests.factory.registers import new_database


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database._PATIENCE, "connect_timeout", "2")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(RegisterError, match="cannot be used"):
            Database(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/register")
        assert time.monotonic() - begun < 10


def test_twin_one_that_answers_is_used_and_the_operators_word_comes_first(postgresql: str) -> None:
    url = make_url(new_database(postgresql, "patience"))
    place = url.update_query_dict({"tcp_user_timeout": "5000"})
    with (
        Database(place.render_as_string(hide_password=False)) as opened,
        opened.engine.connect() as connection,
    ):
        driver = connection.connection.driver_connection
        assert driver is not None
        told = driver.info.get_parameters()
    assert told["tcp_user_timeout"] == "5000"
    assert (told["connect_timeout"], told["keepalives_idle"]) == ("10", "30")
