"""How a refusal is told: to the caller, and to whoever reads the log. Decides nothing."""

from __future__ import annotations

from typing import Final

from signer.answers import Refusal, RefusalCode
from signer.case import Case
from signer.curves import SigningFailed
from signer.errors import Refused, unavailable

_MESSAGE_MAX: Final = 1000


def refusal_of(refused: Refused, case: Case | None) -> Refusal:
    """Of a single transfer everything that is wrong is in its way."""
    transfer, message = refused.transfer, printable(str(refused))
    if case is not None and len(case.consents) == 1:
        transfer = case.transfers[0]
    return Refusal(transfer, refused.code, refused.detail, message, refused.needs)


def not_durable(error: Exception) -> Refusal:
    """For every request alike: nothing was decided."""
    if isinstance(error, Refused):
        return Refusal(None, RefusalCode.UNAVAILABLE, error.detail, str(error))
    message = "the decision can't be made durable; the same request may be repeated"
    return Refusal(None, RefusalCode.UNAVAILABLE, "not-durable", message)


def fault_of(error: Exception) -> Refused:
    """Its text may name what is ours alone."""
    if isinstance(error, SigningFailed):
        message = "the curve library refused; the decision is recorded, nothing was given out"
        return unavailable("signing-failed", message)
    return unavailable("fault", f"internal fault: {type(error).__name__}")


def printable(message: str) -> str:
    """What a stranger's bytes made a decoder say must not reach a terminal unfiltered."""
    kept = "".join(c if c.isprintable() else "?" for c in message[:_MESSAGE_MAX])
    return kept or "no reason given"
