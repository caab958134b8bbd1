"""Attacks by closing accounts of the vault beside what was agreed to."""

from __future__ import annotations

from typing import Final

from tests.hostile import lies
from tests.hostile.attack import Attack
from tests.hostile.transactions import THIEF_SOLANA

ACCOUNTS: Final = (
    Attack(
        "an account closed to the thief",
        "what a token account of the vault holds for its rent is paid out to the thief",
        "unexplained/transaction",
        lies.solana_closed(destination=THIEF_SOLANA),
    ),
    Attack(
        "a wrapped coin paid out",
        "the account of the wrapped coin is closed, which pays out all that is in it",
        "unexplained/transaction",
        lies.solana_closed(),
    ),
)
