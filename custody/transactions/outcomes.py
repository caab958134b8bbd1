"""What became of one piece of work on one transfer: done, or to be tried again."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog

from chains.errors import ChainError
from custody.errors import CustodyError
from signer.client import SignerError

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do for this piece of work, whatever came of it."""


@dataclass(frozen=True, slots=True)
class Later:
    """`code`: what it waits for, as the API shows it. `at`: not before, where that is known."""

    code: str
    at: datetime | None = None


Progress = Done | Later


def signer_code(code: str) -> str:
    """The signer's word as the API shows it: `signer_not_yet`, `signer_locked`."""
    return f"signer_{code.replace('-', '_')}"


async def contained(step: Awaitable[T], transfer_id: str) -> T | Later:
    """`step`'s result. A failure that nobody foresaw is logged and tried again later, so that one
    transfer's trouble does not hold up the others that a worker has in hand; errors of ours pass.
    """
    try:
        return await step
    except (ChainError, CustodyError, SignerError):
        raise
    except Exception as error:  # noqa: BLE001
        log.error("unforeseen", transfer=transfer_id, error=where(error))
        return Later("internal_error")


def where(error: BaseException) -> str:
    """The class of an exception and where it came from. Not its message: those of database drivers
    repeat a statement's values, and those of HTTP libraries whole URLs."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    ours = [frame for frame in frames if "custody" in frame.filename]
    called = f" from {ours[-1].name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{place}{called}"
