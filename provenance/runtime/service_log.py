"""The log of the service: one JSON object a line, on standard error, about nobody."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

__all__ = ["prepare_log"]

# A field that is not among these is left out: names of files, addresses of people, queries
# and tokens cannot come in by a call that was written in a hurry.
_FIELDS = frozenset(
    {
        "attempts",
        "bytes_in",
        "contacts",
        "duration_ms",
        "error",
        "event",
        "host",
        "job",
        "key",
        "level",
        "line",
        "method",
        "port",
        "problem",
        "request",
        "route",
        "routine",
        "stack",
        "state",
        "status",
        "test",
        "timestamp",
        "verdict",
        "webhook",
    }
)


def _only_known(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in event.items() if name in _FIELDS}


def prepare_log() -> structlog.stdlib.BoundLogger:
    """The service's log; from now on other libraries write to it only what is a warning."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_known,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(levelname)s")
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
