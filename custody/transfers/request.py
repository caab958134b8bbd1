"""What the service is asked and what it answers. Knows nothing of HTTP but that an answer has a
number and bytes, which are stored so that a repeated request gets the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from chains.costs import CostKind
from chains.effects import Pay, Told
from chains.messages.model import Kind as Signed
from chains.model import Address, AssetId, NetworkId, TxId
from custody.db.ids import derived_id
from custody.db.transfer_tables import MandateRow, TransactionRow, TransferRow, TransferWarningRow
from custody.errors import Unprocessable
from custody.transfers.gas_needs import Brought
from custody.transfers.priority import Priority
from signer.policy import Evaluation, Policy
from signer.wire import Mandate

NOTE_LENGTH_MAX = 500
OUTPUTS_MAX = 500
"""Payments of one transfer: less than the signer reads in a mandate, and judged in milliseconds."""
_TRANSFER_DOMAIN = b"custody-wallet/transfer-id/v1\n"


@dataclass(frozen=True, slots=True)
class Output:
    """`destination` as somebody typed it; `amount` in base units, positive; None stands for all
    that the vault has there, less what it costs. `memo`: part of who is paid."""

    destination: str
    amount: int | None
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """What a message says: `content` is the text, or typed data in its one spelling. `signer`: the
    address of the vault that signs, as somebody typed it; None: the one that pays."""

    kind: Signed
    content: bytes
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """`outputs`: what is paid to whom, at least one; all of them in one transaction, or none.
    `told`: what a contract is told in place of them: a call, with the native asset's coins, if any,
    or an allowance of the asset.
    `message`: what is to be signed in place of them, which moves nothing and costs nothing.
    `fee_max`: the most that the fee may be; `costs_max`: the same for other kinds; what is not
    named has the network's default. `retry_of`: the transfer, ended without paying anybody,
    that this one repeats. `external_id`: the client's own name of it, which no other has.
    `reject_duplicates`: refuse it if the vault paid the same a moment ago. `priority`: among its
    vault's own work. `payout_file`: the one it stands in. `source`: a later
    address of the vault, as somebody typed it: then it is a sweep of all that lies there, to the
    address that pays. `consolidate`: at most so many of the smallest coins become one; `split`: the
    largest coin becomes so many; `child_of`: the vault's coin of a transaction that waits is spent
    so that this is included; all at an address of the vault's own, which is the destination.
    `tops_up`: it is a gas station's, to an address of ours; `charged`: whose vault that is owes
    it; of a `call`, whose payment that is. `close_accounts`: token accounts that it leaves empty
    are closed, and their rent comes back. `moves`: it brings what a vault has to its successor.
    `lifetime`: how long its terms are offered; None is the house's own choice."""

    vault_id: str
    network: NetworkId
    asset: AssetId
    outputs: tuple[Output, ...]
    fee_max: int | None = None
    costs_max: Mapping[CostKind, int] = field(default_factory=dict)
    retry_of: str | None = None
    note: str | None = None
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    reject_duplicates: bool = False
    priority: Priority = Priority.NORMAL
    source: str | None = None
    payout_file: str | None = None
    consolidate: int | None = None
    split: int | None = None
    tops_up: bool = False
    charged: bool = False
    moves: bool = False
    child_of: TxId | None = None
    close_accounts: bool = False
    told: Told | None = None
    message: Wording | None = None
    lifetime: timedelta | None = None

    @property
    def takes_all(self) -> bool:
        """Whether how much it pays is for the vault's balance to say."""
        return any(each.amount is None for each in self.outputs)

    @property
    def says_no_costs(self) -> bool:
        """Whether the network's defaults count."""
        return self.fee_max is None and not self.costs_max


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A retry key. `client_id`: for whom something is made; None stands for the house, and for a
    client that is not known yet. `request_hash`: of what was asked."""

    route: str
    key: str
    request_hash: bytes
    client_id: str | None = None

    @property
    def scope(self) -> str:
        """Whose key it is, and for which route."""
        owner = f"client {self.client_id}" if self.client_id else "house"
        return f"{owner} {self.route}"


def transfer_id_of(client_id: str, key: str) -> str:
    """The id of the transfer that this client asks for under this retry key, now and for ever.

    It follows from what the client says and from nothing that a database could forget: a restored
    one gives the same request the same id again, and the signer's guard remembers it.
    """
    return derived_id("tfr", _TRANSFER_DOMAIN, client_id, key)


def words_json(words: Mapping[str, str]) -> str | None:
    """How metadata is stored; nothing if there is none."""
    if not words:
        return None
    return json.dumps(dict(words), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Answer:
    """`replayed`: stored by an earlier request with the same key."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """What a call brought (`units` above zero) or took of a token, as our own blocks say."""

    asset: AssetId
    units: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A transfer with all that belongs to it: what it pays, every version of its terms, the first
    one first, and every transaction that was built for it, the oldest first. `held_back`:
    by a pause. `warnings`: what it was accepted with. `told`: what it tells a contract;
    `moved`: what that moved beside its own coins."""

    row: TransferRow
    payments: tuple[Pay, ...]
    mandates: tuple[MandateRow, ...]
    transactions: tuple[TransactionRow, ...]
    held_back: bool = False
    warnings: tuple[TransferWarningRow, ...] = ()
    told: Told | None = None
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What would become of a request if it was made now. `holds`: by asset, what would be held for
    it, costs of every kind included; `available`: what the vault has of these. `verdict`: the
    policy's, without anybody's approval; `mandate`: the terms that would be offered. `returns`: by
    token account that would be closed, what would come back in the native asset. `brought`: what a
    gas station would bring of the costs."""

    mandate: Mandate
    verdict: Evaluation
    policy: Policy
    holds: Mapping[AssetId, int]
    available: Mapping[AssetId, int]
    returns: Mapping[Address, int] = field(default_factory=dict)
    brought: Brought | None = None

    @property
    def is_covered(self) -> bool:
        """Whether it would be accepted, for all that is held."""
        brings = None if self.brought is None else self.brought.asset
        held = {asset: units for asset, units in self.holds.items() if asset != brings}
        return all(units <= self.available[asset] for asset, units in held.items())

    def people(self, group: str) -> tuple[str, ...]:
        """Who of a group may decide: nobody does on what they asked for."""
        behind = self.policy.behind(self.mandate.core.initiator)
        return tuple(sorted(set(self.policy.groups[group]) - behind))


class Renderer(Protocol):
    """Turns outcomes into answers, inside the transaction that stores them."""

    def created(self, made: Shown) -> Answer: ...

    def denied(self, made: Shown) -> Answer: ...

    def refused(self, error: Unprocessable) -> Answer: ...
