"""Which nonce account a transaction takes for itself, and how its conflict key spells it. Pure.

A claim keeps two transfers from taking the same account. Whether it also keeps two transactions
out of a block depends on what is known of its value (ADR 0062). For a reader of bytes a value may
be a recent blockhash as well, on which two transactions can stand. Once it is shown which blockhash
it was made of, it is none itself: then both transactions need the account to have this value, and
whichever is in a block changes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.model import Address, ConflictKey, Excludes, NetworkId
from chains.solana.build import TransferPlan
from chains.solana.nonce import consumed_by


@dataclass(frozen=True, slots=True)
class Claim:
    """The nonce value `value` of `account`; or, without a value, the creation of `account`.
    `proven`: it was shown that the value can only be a nonce's."""

    account: Pubkey
    value: Hash | None = None
    proven: bool = False

    @classmethod
    def of(cls, plan: TransferPlan) -> Claim:
        if plan.creates_nonce:
            return cls(plan.nonce_account)
        return cls(plan.nonce_account, plan.lifetime, plan.origin is not None)

    @classmethod
    def taken_by(cls, raw: bytes) -> Claim | None:
        """The nonce value that a transaction of anybody's uses up. Raises ValueError."""
        nonce = consumed_by(VersionedTransaction.from_bytes(raw).message)
        return None if nonce is None else cls(*nonce)

    @classmethod
    def parse(cls, network: NetworkId, key: ConflictKey) -> Claim:
        """The inverse of `key`, and what `apart_key` names. Raises ValueError for any other
        text."""
        kind, *parts = key.text.removeprefix(f"{network}/").split(":")
        if kind == "signed-apart" and len(parts) == 3:
            return cls(Pubkey.from_string(parts[1]), _parse_hash(parts[2]))
        account = Pubkey.from_string(parts[0]) if parts else None
        if kind == "create" and account is not None and len(parts) == 1:
            return cls(account)
        if kind == "durable-nonce" and account is not None and len(parts) == 2:
            return cls(account, _parse_hash(parts[1]), key.excludes is Excludes.INCLUSION)
        raise ValueError("not a conflict key of this network")

    def key(self, network: NetworkId) -> ConflictKey:
        if self.value is None:
            return ConflictKey(f"{network}/create:{self.account}", Excludes.SUCCESS)
        text = f"{network}/durable-nonce:{self.account}:{self.value}"
        return ConflictKey(text, Excludes.INCLUSION if self.proven else Excludes.NOTHING)


def apart_key(network: NetworkId, owner: Address, claim: Claim) -> ConflictKey:
    """Of a payment of the owner's tokens for which the payer's nonce value is used up: it says that
    the payment was made. A value is used up once, so no other payment ever has this key."""
    text = f"{network}/signed-apart:{owner}:{claim.account}:{claim.value}"
    return ConflictKey(text, Excludes.EFFECT)


def _parse_hash(text: str) -> Hash:
    try:
        return Hash.from_string(text)
    except ParseHashError as error:
        raise ValueError("not a hash") from error


def busy_accounts(network: NetworkId, taken: Iterable[ConflictKey]) -> frozenset[Pubkey]:
    """The nonce accounts that unfinished transfers hold, by whatever value."""
    ours = (key for key in taken if key.text.startswith(f"{network}/"))
    return frozenset(Claim.parse(network, key).account for key in ours)
