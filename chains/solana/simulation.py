"""What a simulation says of a transaction: whose payment would fail it. Pure.

The runtime names an instruction or an account by its number in the message; a person wants to know
which of the payments it was.
"""

from __future__ import annotations

from typing import Any, Final

from chains.errors import ClaimUnusable, DustAmount, InsufficientFunds, PayeeUnpayable
from chains.solana.blocks import error_words
from chains.solana.build import TransferPlan, build_message, instructions, steps_of
from chains.solana.explain import parse_message

_SOURCE: Final = 0
_RESULT_WITH_NEGATIVE_LAMPORTS: Final = {"Custom": 1}
"""The payer has too little [solana-system-interface, SystemError]."""


def named(plan: TransferPlan, number: int) -> str:
    """A payment in words; of several, with its number, counted from 1 in the order asked for."""
    if len(plan.payments) == 1:
        return "the recipient"
    return f"output {number} of {len(plan.payments)}, {plan.payments[number - 1].recipient},"


def check_outcome(plan: TransferPlan, error: Any) -> None:
    """Raises DustAmount or PayeeUnpayable for a payment that would fail all of them,
    InsufficientFunds if the payer has too little, ClaimUnusable for what another claim heals."""
    if error is None:
        return
    words = error_words(error)
    kind, said = next(iter(error.items())) if isinstance(error, dict) and error else (error, None)
    if kind == "InsufficientFundsForRent" and isinstance(said, dict):
        number = _paid_to(plan, said.get("account_index"))
        if number is not None:
            raise DustAmount(f"{named(plan, number)} would hold less than its rent: {words}")
    if kind == "InstructionError" and isinstance(said, list) and len(said) == 2:
        number = _paid_by(plan, said[0])
        if number is not None and said[1] == _RESULT_WITH_NEGATIVE_LAMPORTS and not plan.tokens:
            raise InsufficientFunds(f"too little is left for {named(plan, number)} by a simulation")
        if number is not None:
            raise PayeeUnpayable(f"{named(plan, number)} can't be paid: {words}")
    if kind in ("InsufficientFundsForFee", "InsufficientFundsForRent", "AccountNotFound"):
        raise InsufficientFunds(f"the source can't pay: {words}")
    raise ClaimUnusable(f"a simulation failed: {words}")


def _paid_by(plan: TransferPlan, instruction: Any) -> int | None:
    """The number of the payment that an instruction makes; only closings stand behind them."""
    if not isinstance(instruction, int):
        return None
    steps = [len(steps_of(plan, each)) for each in plan.payments]
    owners = [number for number, count in enumerate(steps, start=1) for _ in range(count)]
    at = instruction - (len(instructions(plan)) - len(plan.closings) - len(owners))
    return owners[at] if 0 <= at < len(owners) else None


def _paid_to(plan: TransferPlan, account: Any) -> int | None:
    """The number of the first payment to an account of the message; None for the source's."""
    keys = parse_message(build_message(plan)).account_keys
    if not isinstance(account, int) or not _SOURCE < account < len(keys):
        return None
    payees = [each.paid for each in plan.payments]
    return payees.index(keys[account]) + 1 if keys[account] in payees else None
