"""How our processes log: one JSON object per line, with bound ids, and nothing that opens a door.

Values under names that hold secrets or whole transactions are dropped, and credentials inside URLs
are masked wherever they turn up.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(
    r"secret|passw|passphrase|authorization|token|seed|mnemonic|private|payload|raw\b|signature",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_API_KEY = re.compile(r"(c[ku])_([0-9a-z]{26})_[A-Za-z0-9_-]+")
"""And tokens that stand in URLs, which are as long."""
_SERVERS_OWN = ("uvicorn.error", "uvicorn.access")
"""Loggers of the HTTP server, which would write down the path of a WebSocket."""
MASK = "[redacted]"


def configure_logging(level: int = logging.INFO) -> None:
    """To standard error. Once per process, by whoever starts it."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    for name in _SERVERS_OWN:
        logging.getLogger(name).addFilter(_redact_record)


def masked(text: str) -> str:
    """Without the secrets that we know by their form."""
    return _API_KEY.sub(rf"\1_\2_{MASK}", _CREDENTIALS.sub(MASK + "@", text))


def _redact_record(record: logging.LogRecord) -> bool:
    record.msg, record.args = masked(record.getMessage()), ()
    return True


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name) and value is not None:
            event[name] = MASK
        elif isinstance(value, bytes | bytearray):
            event[name] = f"[{len(value)} bytes]"
        elif isinstance(value, str):
            event[name] = masked(value)
    return event
