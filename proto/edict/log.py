"""One logger for hub and agent: structured, to stderr, with field names as constants and secrets cut out."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, cast

import structlog

from edict.errors import printable

CLUSTER = "cluster"
CODE = "code"
DIALECT = "dialect"
ERROR = "error"
KEY = "key"
OBJECT = "object"
POLICY = "policy"
RELEASE = "release"
REPLICA = "replica"
ROLE = "role"
SEQUENCE = "sequence"

_EXCEPTION = "exception"
"""The field that structlog keeps a traceback in; its lines stay lines."""
SECRET = re.compile(
    r"edict1\.[A-Za-z0-9_-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END|$)|eyJ[\w-]{10,}\.[\w.-]+",
    re.DOTALL,
)


def configure(level: str = "info", *, json: bool = False) -> None:
    """Set the process's logging up; call once, at start."""
    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _escape,
            renderer,
            _redact,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(module=name))


def _escape(_logger: Any, _method: str, fields: Any) -> Any:
    """Keep what others say from doing anything to a terminal, or from looking like a line of its own."""
    return {name: _shown(name, value) if isinstance(value, str) else value for name, value in fields.items()}


def _shown(name: str, value: str) -> str:
    return "\n".join(map(printable, value.split("\n"))) if name == _EXCEPTION else printable(value)


def _redact(_logger: Any, _method: str, line: Any) -> str:
    """Cut enrolment tokens, private keys and bearer tokens out of the line as it is written."""
    return SECRET.sub("[redacted]", str(line))
