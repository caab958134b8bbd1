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
_API_KEY = re.compile(r"ck_([0-9a-z]{26})_[A-Za-z0-9_-]+")
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
            event[name] = _API_KEY.sub(r"ck_\1_" + MASK, _CREDENTIALS.sub(MASK + "@", value))
    return event
