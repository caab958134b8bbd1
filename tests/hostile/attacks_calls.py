"""Attacks by calls that submit what a stranger signed."""

from __future__ import annotations

from typing import Final

from tests.hostile import carried
from tests.hostile.attack import Attack
from tests.hostile.carried import carrier

CALLS: Final = (
    Attack(
        "another payment is submitted",
        "agreed was one that the holder signed, the bytes submit another of his",
        "mismatch/terms",
        carrier(data=carried.OTHER_DATA),
    ),
    Attack(
        "a longer life in the words",
        "the mandate names a later end than the bytes and the signature",
        "mismatch/terms",
        carrier(carried.LONGER),
    ),
    Attack(
        "another spelling of a call",
        "the agreed calldata with a word behind it",
        "unexplained/transaction",
        carrier(data=carried.DATA + bytes(32)),
    ),
    Attack(
        "a signature that is not the holder's",
        "the agreed calldata with a byte of the signature changed",
        "unexplained/transaction",
        carrier(data=carried.DATA[:-1] + bytes([carried.DATA[-1] ^ 1])),
    ),
    Attack(
        "coins with a call",
        "the agreed call, and a wei with it",
        "unexplained/transaction",
        carrier(value=1),
    ),
    Attack(
        "a payment that another has to receive",
        "signed for its payee alone to submit: it would fail and cost its fee",
        "unexplained/transaction",
        carrier(carried.RECEIVED, carried.RECEIVED_DATA),
    ),
    Attack(
        "a call instead of a payment",
        "what the vault was to pay is taken from the holder",
        "mismatch/kind",
        carrier(carried.PAID, vault="main"),
    ),
    Attack(
        "a call under a rule for payments",
        "the vault's rule names transfers and no calls",
        "denied/no-rule",
        carrier(vault="main"),
    ),
    Attack(
        "two transactions for one call",
        "the same words with another number of the account",
        "conflict/both-could-confirm",
        carried.twice,
    ),
)
