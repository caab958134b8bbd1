"""How a transfer looks from outside: what was asked for, agreed to, and done on the chain."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from api.schemas import Money, View, money, with_example
from api.v1.blocks import BLOCK_EXAMPLE, BlockView
from api.v1.bounds import BOUND_EXAMPLE, BoundView, bound_views
from chains.assets import Amount, Asset
from chains.catalogue import Catalogue
from chains.costs import CostKind, Costs
from chains.effects import Allow, Call, Effect, Pay, Told
from chains.model import NetworkId
from chains.networks import Network
from custody.db.feed_tables import EventRow
from custody.db.transfer_tables import SEVERAL, MandateRow, TransactionRow, TransferRow
from custody.transactions.state import State as TransactionState
from custody.transfers.consent import Consent
from custody.transfers.duplicates import Warned
from custody.transfers.kinds import Kind
from custody.transfers.priority import Priority
from custody.transfers.repository import current
from custody.transfers.request import Moved, Shown
from custody.transfers.state import State
from signer.agreement import Purpose

_COSTS_MAX = {"fee": {"amount": "0.0005", "amount_base_units": "50000"}}
MANDATE_EXAMPLE: dict[str, Any] = {
    "version": 1,
    "digest": "3a" * 32,
    "state": "agreed",
    "costs_max": _COSTS_MAX,
    "offered_at": "2026-03-02T06:30:00Z",
    "expires_at": "2026-03-03T06:30:00Z",
}
TRANSACTION_EXAMPLE: dict[str, Any] = {
    "id": "txn_01k9zv8a2b3c4d5e6f7g8h9j0k",
    "purpose": "pay",
    "state": "included",
    "txid": "9f0c1e2d3b4a59687768594a3b2c1d0e9f0c1e2d3b4a59687768594a3b2c1d0e",
    "block": BLOCK_EXAMPLE,
    "costs": {"fee": {"amount": "0.00000282", "amount_base_units": "282"}},
    "held": {},
    "returned": None,
    "reason": None,
    "replaces": None,
    "created_at": "2026-03-02T06:30:01.120000Z",
}
_OUTPUT_EXAMPLE = {
    "destination": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "memo": None,
    "amount": "0.05",
    "amount_base_units": "5000000",
}
_MOVED_EXAMPLE: dict[str, Any] = {
    "asset": "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "amount_base_units": "1500000",
}
CALL_EXAMPLE: dict[str, Any] = {
    "contract": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "name": "USD Coin",
    "function": "transferFrom(address,address,uint256)",
    "arguments": [{"name": "from", "value": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}],
    "value_base_units": "0",
    "moves": [_MOVED_EXAMPLE],
    "outcome": [BOUND_EXAMPLE],
}
_CHANGE_EXAMPLE = {
    "asset": "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "symbol": "USDC",
    "way": "in",
    "amount": "24.93",
    "amount_base_units": "24930000",
}
_ALLOWANCE_EXAMPLE = {
    "spender": "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
    "amount": "25",
    "amount_base_units": "25000000",
}
WARNING_EXAMPLE: dict[str, Any] = {
    "code": "same_payee_and_amount",
    "transfer": "tfr_01k9zv5e5f6g7h8j9k0m1n2p3q",
    "at": "2026-03-02T06:11:00Z",
}
TRANSFER_EXAMPLE: dict[str, Any] = {
    "id": "tfr_01k9zv7e5f6g7h8j9k0m1n2p3q",
    "client_id": "cli_01k9zv3m8q4x7h2c5d6e8f9g0a",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "asset": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:1",
    "symbol": "BTC",
    "destination": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "memo": None,
    "amount": "0.05",
    "amount_base_units": "5000000",
    "outputs": [_OUTPUT_EXAMPLE],
    "call": None,
    "allowance": None,
    "moved": [],
    "costs_max": _COSTS_MAX,
    "kind": "payment",
    "priority": "normal",
    "note": "payout 17",
    "external_id": "invoice-2041",
    "metadata": {"order": "A-17"},
    "initiator": "payout-robot",
    "retry_of": None,
    "payout_file": None,
    "close_accounts": False,
    "state": "in_flight",
    "waiting": None,
    "reason": None,
    "mandates": [MANDATE_EXAMPLE],
    "warnings": [WARNING_EXAMPLE],
    "transactions": [TRANSACTION_EXAMPLE],
    "requested_at": "2026-03-02T06:30:00Z",
    "expires_at": "2026-03-03T06:30:00Z",
    "updated_at": "2026-03-02T06:31:12.482000Z",
}
EVENT_EXAMPLE = {
    "event": "accept",
    "state": "approved",
    "detail": None,
    "at": "2026-03-02T06:30:00.214000Z",
}

MoneyByKind = dict[CostKind, Money]
"""Costs by kind; a kind that is not named is 0."""


class MandateVersionView(View):
    """One version of a transfer's terms, and what was said to it."""

    model_config = with_example(MANDATE_EXAMPLE)

    version: int
    digest: str = Field(description="SHA-256 that approvers sign, in hex")
    state: Consent
    costs_max: MoneyByKind = Field(
        description="the most that may leave beside the amount; `withheld`: the most of the amount "
        "that may not arrive"
    )
    offered_at: datetime
    expires_at: datetime = Field(description="the signer signs nothing after that")


class TransactionView(View):
    """A transaction that was built for a transfer. At most one of a transfer's transactions is ever
    in a block."""

    model_config = with_example(TRANSACTION_EXAMPLE)

    id: str
    purpose: Purpose
    state: TransactionState
    txid: str | None
    block: BlockView | None
    costs: MoneyByKind | None = Field(
        description="what the network took, once in a block, of all transfers in it together; "
        "`withheld`: what of the amount a token kept, so that it did not arrive"
    )
    held: MoneyByKind | None = Field(
        description="moved to accounts that the chain holds for the vault, like rent"
    )
    returned: MoneyByKind | None = Field(
        description="came back out of accounts that it closed, like rent; null if nothing did"
    )
    reason: str | None = Field(description="why it ended, or why the chain says it failed")
    replaces: str | None = Field(description="the transaction whose place it takes")
    created_at: datetime


class OutputView(View):
    """One payment of a transfer."""

    model_config = with_example(_OUTPUT_EXAMPLE)

    destination: str = Field(description="in the network's canonical form")
    memo: str | None
    amount: str
    amount_base_units: str


class ArgumentView(View):
    model_config = with_example(CALL_EXAMPLE["arguments"][0])

    name: str
    value: str


class MovedView(View):
    """What a call takes of who makes it."""

    model_config = with_example(_MOVED_EXAMPLE)

    asset: str
    amount_base_units: str


class CallView(View):
    """What a contract is told to do, in the words that are signed."""

    model_config = with_example(CALL_EXAMPLE)

    contract: str
    name: str | None = Field(description="the contract's, by its description in the policy")
    function: str = Field(description="its whole signature")
    arguments: list[ArgumentView] = Field(description="decoded, in the function's own order")
    value_base_units: str = Field(description="native coins that go with it")
    moves: list[MovedView] = Field(
        description="what else the contract takes, by its description in the policy"
    )
    outcome: list[BoundView] = Field(description="what it may lead to; empty: whatever it does")


class ChangeView(View):
    """Of one asset, the coins that go with the call apart."""

    model_config = with_example(_CHANGE_EXAMPLE)

    asset: str
    symbol: str
    way: Literal["in", "out"]
    amount: str
    amount_base_units: str


class AllowanceView(View):
    """Somebody may take so much of the transfer's asset later, whenever and for whatever they
    want."""

    model_config = with_example(_ALLOWANCE_EXAMPLE)

    spender: str
    amount: str | None = Field(description="at most; 0 takes it back; null: any amount, for ever")
    amount_base_units: str | None


class PaymentView(View):
    """Who pays whom how much."""

    id: str
    client_id: str
    vault_id: str
    network: str
    asset: str
    symbol: str
    destination: str | None = Field(
        description="in the network's canonical form; null if it pays several, see `outputs`"
    )
    memo: str | None
    amount: str = Field(description="of all outputs together")
    amount_base_units: str
    outputs: list[OutputView] = Field(
        description="every payment, in the order asked for: all are made, or none"
    )
    call: CallView | None = Field(
        description="what it has a contract do, whose address is the `destination`; null of a "
        "payment"
    )
    allowance: AllowanceView | None = Field(
        description="what it lets somebody take, who is the `destination`; else null"
    )


class WarningView(View):
    """Accepted all the same: the vault paid, or is about to, the same amount to the same payee."""

    model_config = with_example(WARNING_EXAMPLE)

    code: Warned
    transfer: str = Field(description="the newest that pays the same")
    at: datetime = Field(description="when that one was asked for")


class TransferView(PaymentView):
    model_config = with_example(TRANSFER_EXAMPLE)

    moved: list[ChangeView] = Field(
        description="of a call, what it took of the vault's tokens and what it brought, as our own "
        "blocks say; each that came is a deposit with this `transfer_id`"
    )
    costs_max: MoneyByKind = Field(description="of the terms that count now")
    kind: Kind = Field(
        description="`emptying`: pays all that the vault could pay then; `sweep`: brings what "
        "lay on a later address to the one that pays, and is nobody's deposit; `consolidation`, "
        "`splitting`: makes other coins of the vault's own, and costs its fee alone; `gas`, "
        "`gas_charged`: brings an address of ours coins for fees, and is nobody's deposit; "
        "`child`: spends a coin that is in no block yet to the vault, and pays for its parent too; "
        "`call`: has a contract do something, see `call`; `call_charged`: submits a payment that "
        "another vault signed, which owes what that cost; `allowance`: lets somebody take of a "
        "token later, see `allowance`; `message`: has an address sign what is no transaction, see "
        "`GET /v1/messages/{message_id}`"
    )
    priority: Priority = Field(description="among what its vault has to sign")
    note: str | None
    external_id: str | None = Field(description="your own name of it")
    metadata: dict[str, str] = Field(description="your own words, as you gave them")
    initiator: str = Field(description="the person or machine that asked, as the policy names it")
    retry_of: str | None
    payout_file: str | None = Field(description="the payout file that it stands in")
    close_accounts: bool = Field(
        description="whether token accounts that it leaves empty are closed with it"
    )
    state: State
    waiting: str | None = Field(
        description="code of what it waits for: `node_unavailable`, `insufficient_funds`, "
        "`too_many_coins` (consolidate), `coins_in_use`, `fee_above_maximum`, "
        "`rent_above_maximum`, `rent_reserve`, `insufficient_gas`, `signer_not_yet` (a time lock), "
        "`signer_locked`, `signer_stopped`, `paused`, "
        "`collecting` (others of its vault, to share a transaction), …"
    )
    reason: str | None = Field(description="why it ended")
    warnings: list[WarningView] = Field(description="what it was accepted with")
    mandates: list[MandateVersionView] = Field(description="every version of its terms")
    transactions: list[TransactionView] = Field(description="the oldest first")
    requested_at: datetime
    expires_at: datetime = Field(description="of the terms that count now")
    updated_at: datetime


class TransferEventView(View):
    model_config = with_example(EVENT_EXAMPLE)

    event: str
    state: State
    detail: str | None
    at: datetime


class TransferWithEvents(TransferView):
    """A transfer with everything that happened to it, in order."""

    model_config = with_example(TRANSFER_EXAMPLE | {"events": [EVENT_EXAMPLE]})

    events: list[TransferEventView]


def transfer_view(shown: Shown, catalogue: Catalogue) -> TransferView:
    """With its terms and its transactions."""
    row, terms = shown.row, current(shown.mandates)
    return TransferView(
        **payment_fields(row, shown.payments, shown.told, catalogue),
        moved=[_moved_view(each, catalogue) for each in shown.moved],
        costs_max=by_kind(terms.costs_max, catalogue),
        kind=Kind(row.kind),
        priority=Priority(row.priority),
        note=row.note,
        external_id=row.external_id,
        metadata=json.loads(row.metadata_json) if row.metadata_json else {},
        initiator=row.initiator,
        retry_of=row.retry_of,
        payout_file=row.payout_file,
        close_accounts=row.closes,
        state=State(row.state),
        waiting="paused" if shown.held_back else row.waiting,
        reason=row.reason,
        warnings=[
            WarningView(code=Warned(each.code), transfer=each.other, at=each.at)
            for each in shown.warnings
        ],
        mandates=[_mandate_view(each, catalogue) for each in shown.mandates],
        transactions=[_transaction_view(each, catalogue) for each in shown.transactions],
        requested_at=row.requested_at,
        expires_at=terms.expires_at,
        updated_at=row.updated_at,
    )


def payment_fields(
    row: TransferRow, payments: Sequence[Pay], told: Told | None, catalogue: Catalogue
) -> dict[str, Any]:
    """Those of PaymentView."""
    asset, network = catalogue.find_asset(row.asset), catalogue.networks[NetworkId(row.network)]
    return {
        "id": row.id,
        "client_id": row.client_id,
        "vault_id": row.vault_id,
        "network": row.network,
        "asset": row.asset,
        "symbol": asset.symbol,
        "destination": None if row.destination == SEVERAL else row.destination,
        "memo": row.memo,
        "amount": Amount(asset, row.amount).decimal,
        "amount_base_units": str(row.amount),
        "outputs": [_output_view(each, asset) for each in payments],
        **told_fields(told, asset, network),
    }


def told_fields(told: Effect | None, asset: Asset, network: Network) -> dict[str, Any]:
    """Those of PaymentView that say what a contract is told."""
    return {
        "call": _call_view(told, network) if isinstance(told, Call) else None,
        "allowance": _allowance_view(told, asset) if isinstance(told, Allow) else None,
    }


def _moved_view(moved: Moved, catalogue: Catalogue) -> ChangeView:
    asset, units = catalogue.find_asset(moved.asset), abs(moved.units)
    return ChangeView(
        asset=asset.id,
        symbol=asset.symbol,
        way="in" if moved.units > 0 else "out",
        amount=Amount(asset, units).decimal,
        amount_base_units=str(units),
    )


def _output_view(payment: Pay, asset: Asset) -> OutputView:
    return OutputView(
        destination=payment.address,
        memo=payment.memo,
        amount=Amount(asset, payment.amount).decimal,
        amount_base_units=str(payment.amount),
    )


def _allowance_view(allow: Allow, asset: Asset) -> AllowanceView:
    units = allow.amount
    return AllowanceView(
        spender=allow.spender,
        amount=None if units is None else Amount(asset, units).decimal,
        amount_base_units=None if units is None else str(units),
    )


def _call_view(call: Call, network: Network) -> CallView:
    described = network.contracts.get(call.contract)
    return CallView(
        contract=call.contract,
        name=None if described is None else described.name,
        function=call.function,
        arguments=[ArgumentView(name=name, value=value) for name, value in call.arguments],
        value_base_units=str(call.value),
        moves=[MovedView(asset=each, amount_base_units=str(units)) for each, units in call.moves],
        outcome=bound_views(call),
    )


def event_view(row: EventRow) -> TransferEventView:
    """One line of the feed."""
    return TransferEventView(
        event=row.event, state=State(row.state), detail=row.detail, at=row.created_at
    )


def _mandate_view(row: MandateRow, catalogue: Catalogue) -> MandateVersionView:
    return MandateVersionView(
        version=row.version,
        digest=row.digest.hex(),
        state=Consent(row.state),
        costs_max=by_kind(row.costs_max, catalogue),
        offered_at=row.offered_at,
        expires_at=row.expires_at,
    )


def _transaction_view(row: TransactionRow, catalogue: Catalogue) -> TransactionView:
    block = None
    if row.block_height is not None and row.block_hash is not None:
        block = BlockView(height=row.block_height, hash=row.block_hash)
    return TransactionView(
        id=row.id,
        purpose=Purpose(row.purpose),
        state=TransactionState(row.state),
        txid=row.txid,
        block=block,
        costs=None if row.costs is None else by_kind(row.costs, catalogue),
        held=None if row.held is None else by_kind(row.held, catalogue),
        returned=None if row.returned is None else by_kind(row.returned, catalogue),
        reason=row.reason,
        replaces=row.replaces,
        created_at=row.created_at,
    )


def by_kind(costs: Costs, catalogue: Catalogue) -> MoneyByKind:
    return {
        kind: money(units, catalogue.find_asset(asset)) for (asset, kind), units in costs.items()
    }
