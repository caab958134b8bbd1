"""Attacks by messages that the owner of tokens signs first, and who pays for them beside."""

from __future__ import annotations

from typing import Final

from solders.hash import Hash

from chains.solana.nonce import value_of
from tests.hostile import second
from tests.hostile.attack import Attack
from tests.hostile.transactions import AMOUNT, THIEF_SOLANA

_OTHER: Final = Hash(b"\x5a" * 32)
_NONCE: Final = {"lifetime": value_of(_OTHER), "origin": _OTHER}
SECOND: Final = (
    Attack(
        "one half for two transfers",
        "the same message, read twice for the owner of the tokens",
        "conflict/another-set",
        second.two_transfers,
    ),
    Attack(
        "a second half for the same transfer",
        "on another nonce value of who pays for it, so that both could be in blocks",
        "conflict/both-could-confirm",
        second.again(second.changing(**_NONCE)),
    ),
    Attack(
        "a half that nothing binds",
        "without proof that the nonce value is none of a blockhash",
        "malformed/transaction_malformed",
        second.unproven,
    ),
    Attack(
        "a half that pays another",
        "agreed was to pay the payee",
        "mismatch/destination",
        second.by_owner(second.paying_other(recipient=THIEF_SOLANA)),
    ),
    Attack(
        "a half that pays more",
        "one base unit more than was agreed",
        "mismatch/amount",
        second.by_owner(second.paying_other(units=AMOUNT + 1)),
    ),
    Attack(
        "a half read for its payer",
        "the vault is asked as who pays for the transaction",
        "malformed/transaction_malformed",
        second.for_its_payer,
    ),
    Attack(
        "the house before the owner",
        "a message that the owner of the tokens has not signed",
        "malformed/transaction_malformed",
        second.before_the_owner,
    ),
    Attack(
        "the house behind a third's signature",
        "somebody else has signed in the owner's place",
        "malformed/transaction_malformed",
        second.signed_by_a_third,
    ),
    Attack(
        "one message for two carriers",
        "the same message, read twice for who pays for it",
        "conflict/another-set",
        second.two_carriers,
    ),
    Attack(
        "two messages for one carrier",
        "on two nonce values, so that both could be in blocks",
        "mismatch/terms",
        second.carried_twice,
    ),
    Attack(
        "another message than the house agreed to",
        "the owner signed it too, and it costs more",
        "mismatch/terms",
        second.other_than_agreed(second.changing(unit_price=11_000)),
    ),
    Attack(
        "a carrier above its bounds",
        "a bid that burns the house's coins",
        "mismatch/fee",
        second.by_payer(second.changing(unit_price=10**12)),
    ),
)
