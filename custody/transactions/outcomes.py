"""What became of one piece of work on one transfer: done, or to be tried again."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import structlog

from chains.errors import ChainError
from custody.errors import CustodyError
from signer.client import SignerError, SignerRefused

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

UNFORESEEN: Final = Later("internal_error")


def signer_code(code: str) -> str:
    """The signer's word as the API shows it: `signer_not_yet`, `signer_locked`."""
    return f"signer_{code.replace('-', '_')}"


def trouble(error: Exception, subject: str) -> Later:
    """What somebody waits for whose work failed, as the API shows it. What nobody foresaw is logged
    and tried again."""
    if isinstance(error, ChainError | CustodyError):
        return Later(error.code)
    if isinstance(error, SignerRefused):
        return Later(signer_code(error.code))
    if isinstance(error, SignerError):
        return Later("signer_unavailable")
    log.error("unforeseen", subject=subject, error=where(error))
    return UNFORESEEN


async def together(
    subjects: Sequence[str], step: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]
) -> dict[str, T | Later]:
    """`step` for the whole set. If it fails, each is tried again by itself, so that one's trouble
    stays its own: `step` has undone what it had not committed, and is safe to repeat."""
    if not subjects:
        return {}
    try:
        return {**await step(subjects)}
    except Exception as error:  # noqa: BLE001 - `trouble` tells them apart
        if len(subjects) == 1:
            return {subjects[0]: trouble(error, subjects[0])}
    alone: dict[str, T | Later] = {}
    for each in subjects:
        alone |= await together([each], step)
    return alone


def where(error: BaseException) -> str:
    """The class of an exception and where it came from. Not its message: those of database drivers
    repeat a statement's values, and those of HTTP libraries whole URLs."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    ours = [frame for frame in frames if "custody" in frame.filename]
    called = f" from {ours[-1].name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{place}{called}"
