from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_a_connection_that_leaves_the_machine_is_refused(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.socket(family) as plug,
        pytest.raises(AssertionError, match="tests stay on this machine"),
    ):
        plug.connect((host, 80))


def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(AssertionError, match=r"tried to reach 'aurora\.example'"):
        socket.create_connection(("aurora.example", 443))


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
