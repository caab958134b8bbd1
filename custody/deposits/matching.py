"""Decides what the credits of a block mean for us. Pure: what is ours is an argument.

A payment to an address of ours is a deposit, also when another vault of ours made it, and also when
the vault itself did. Where money is coins, a coin is spent whole, and what comes back to the vault
from its own transaction beside the payment is change: the ledger never took it away, so it must not
add it. Where money is an account's balance nothing is spent whole: what a payee's contract sends
back inside our own transaction is income like any other, because the ledger takes away the whole
payment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chains.block import Block, Movement, output_index
from chains.families import traits_of
from chains.model import BlockRef
from chains.networks import Network
from custody.db.tables import AddressRow
from custody.following.finality import final_height
from custody.ledger.model import AccountKey, unswept_account, vault_account


class DepositState(StrEnum):
    PENDING = "pending"
    CREDITED = "credited"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose address it is."""

    address: AddressRow
    client_id: str


@dataclass(frozen=True, slots=True)
class OwnTransaction:
    """A transaction that a vault made of its coins: what goes to `destinations` was asked for, the
    rest comes back."""

    vault_id: str
    destinations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """A credit of ours. `change`: it came back from the vault's own transaction."""

    block: BlockRef
    credit: Movement
    owner: Owner
    change: bool
    final_height: int
    account: AccountKey

    @property
    def place(self) -> tuple[str, str]:
        """Unique among the credits of a chain."""
        return self.credit.txid, self.credit.place

    @property
    def outpoint(self) -> tuple[str, int]:
        """Where money is coins: which one it is."""
        return self.credit.txid, output_index(self.credit.place)


def match_block(
    network: Network,
    block: Block,
    candidates: Iterable[Movement],
    owners: Mapping[str, Owner],
    own: Mapping[str, OwnTransaction],
) -> list[Found]:
    """Those of `candidates`, credits of `block`, that are ours. `owners` by address, `own` by
    transaction id, for networks that have coins."""
    return [
        _found(network, block.ref, credit, owner, own.get(credit.txid))
        for credit in candidates
        if credit.units > 0 and (owner := owners.get(credit.address)) is not None
    ]


def _found(
    network: Network, ref: BlockRef, credit: Movement, owner: Owner, own: OwnTransaction | None
) -> Found:
    vault = owner.address.vault_id
    return Found(
        block=ref,
        credit=credit,
        owner=owner,
        change=traits_of(network).coins and _comes_back(credit, vault, own),
        final_height=final_height(network, ref.height, credit.mature_height),
        account=_account(network, credit, owner),
    )


def _comes_back(credit: Movement, vault: str, own: OwnTransaction | None) -> bool:
    return own is not None and own.vault_id == vault and credit.address not in own.destinations


def _account(network: Network, credit: Movement, owner: Owner) -> AccountKey:
    """On account chains a vault pays from its first address only; what lies elsewhere is shown
    but can't be spent before it is swept."""
    vault = owner.address.vault_id
    spendable = traits_of(network).coins or owner.address.position == 0
    return (vault_account if spendable else unswept_account)(vault, credit.asset)
