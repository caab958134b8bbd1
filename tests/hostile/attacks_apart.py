"""Attacks by what a vault signs for others to submit."""

from __future__ import annotations

from typing import Final

from tests.hostile import apart
from tests.hostile.attack import Attack
from tests.hostile.transactions import AMOUNT, THIEF_EVM

_TWICE: Final = "conflict/both-could-confirm"
SIGNED_APART: Final = (
    Attack(
        "a second one for the same transfer",
        "another number, so the contract would make both",
        _TWICE,
        apart.again(apart.saying(nonce=bytes(32))),
    ),
    Attack(
        "the same one, good for longer",
        "the number that was signed, with a later end",
        _TWICE,
        apart.again(apart.lasting(600)),
    ),
    Attack(
        "an ordinary payment after it",
        "it was seen by nobody yet, says custody",
        _TWICE,
        apart.ordinary_after,
    ),
    Attack(
        "one after an ordinary payment",
        "the transaction is stuck, says custody",
        _TWICE,
        apart.after_ordinary,
    ),
    Attack(
        "one that is good for a day",
        "to be kept, and submitted when nobody looks",
        "malformed/lifetime",
        apart.lie(apart.lasting(24 * 3600)),
    ),
    Attack(
        "one that is good later",
        "it can't be submitted yet, and is out",
        "unexplained/transaction",
        apart.lie(apart.saying(after=1)),
    ),
    Attack(
        "another payee in it",
        "agreed was to pay the supplier",
        "mismatch/destination",
        apart.lie(apart.saying(payee=THIEF_EVM)),
    ),
    Attack(
        "more in it",
        "one base unit more than was agreed",
        "mismatch/amount",
        apart.lie(apart.saying(units=AMOUNT + 1)),
    ),
    Attack(
        "another chain in its domain",
        "the same token on the main network, where the vault has the same address",
        "unexplained/transaction",
        apart.lie(apart.in_domain(chain_id=1)),
    ),
    Attack(
        "another name in its domain",
        "a separator that the signed row does not have",
        "unexplained/transaction",
        apart.lie(apart.in_domain(name="B dollar")),
    ),
    Attack(
        "an allowance instead",
        "a permit (EIP-2612) for the amount, which outlives the payment",
        "unexplained/transaction",
        apart.lie(apart.permitting),
    ),
    Attack(
        "it is carried by its own payer",
        "the vault calls what it signed: its money would leave by the name of a call",
        "unexplained/transaction",
        apart.carried_by_its_payer,
    ),
)
