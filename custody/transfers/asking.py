"""One request for a transfer: what it asks for, what keeps it from being made, and the rows that it
becomes. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chains.assets import Asset
from chains.codec import TransactionCodec
from chains.costs import Costs, by_asset
from chains.effects import Pay
from chains.model import Address, AddressType, NetworkId
from custody.apikeys.model import Caller
from custody.db.ids import new_id
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransferRow
from custody.errors import Conflict, Invalid, NotFound, Unprocessable
from custody.journal.repository import signer_ahead
from custody.transfers import repository
from custody.transfers.apply import WORDS
from custody.transfers.consent import Consent, decide
from custody.transfers.mandates import digest_of, document_of, reason_of
from custody.transfers.request import (
    TransferRequest,
    words_json,
)
from custody.transfers.state import REPEATABLE, Event, Transfer
from custody.vaults.paying_repository import Payer
from signer.policy import Evaluation, Policy, Ruling
from signer.wire import Mandate

FIRST: Final = 1
"""The version of a transfer's terms that it is made with."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, understood, with the policy and the moment it is judged by."""

    request: TransferRequest
    caller: Caller
    codec: TransactionCodec
    payment: Pay
    costs_max: Costs
    policy: Policy
    now: datetime

    def is_for(self, row: TransferRow) -> bool:
        """Whether `row` is what is asked for. A note is words, and may be lost by a recovery."""
        paid = self.payment
        return (
            (row.vault_id, row.network, row.asset) == (self.request.vault_id, *self._asset)
            and (row.destination, row.memo, row.amount) == (paid.address, paid.memo, paid.amount)
            and (self.request.says_no_costs or row.costs_max == self.total_max)
        )

    @property
    def total_max(self) -> int:
        """The most that it may cost, all kinds together, in the native asset."""
        return by_asset(self.costs_max)[self.codec.network.native.id]

    @property
    def _asset(self) -> tuple[str, str]:
        return self.codec.network.id, self.payment.asset


def payment_of(ask: Ask) -> tuple[NetworkId, str, Address, AddressType]:
    """What there is to know of the payer."""
    network = ask.codec.network
    return network.id, ask.request.vault_id, ask.payment.address, network.address_types[0]


def visible(ask: Ask, payer: Payer | None) -> Payer:
    """Raises NotFound vault_not_found."""
    if payer is None or not ask.caller.sees(payer.client_id):
        raise NotFound("vault_not_found", "There is no such vault.", field="vault_id")
    return payer


async def check_possible(session: ReadSession, ask: Ask, payer: Payer) -> None:
    """Raises NotFound, Unprocessable, Unavailable signer_ahead."""
    if payer.closed_since is not None:
        raise signer_ahead()
    _check_payer(payer)
    await _check_retry(session, ask.request, payer)


def event_of(verdict: Evaluation) -> tuple[Event, str | None]:
    """What a verdict means for a transfer, and why."""
    match verdict.ruling:
        case Ruling.DENY:
            return Event.DENY, reason_of(verdict)
        case Ruling.NEEDS_APPROVALS:
            return Event.ASK, None
        case Ruling.ALLOW | Ruling.NOT_YET:
            return Event.ACCEPT, None


def check_maximum(field: str, units: int, asset: Asset) -> None:
    if units > asset.maximum:
        most = f"more {asset.symbol} than can exist"
        raise Invalid("amount_above_maximum", most, field=field)


def _check_payer(payer: Payer) -> None:
    if payer.frozen_reason is not None:
        raise Unprocessable("vault_frozen", f"nothing may leave: {payer.frozen_reason}")
    if payer.pays_itself:
        # It would cost a fee, move nothing, and look like a deposit.
        raise Unprocessable(
            "destination_in_same_vault",
            "the destination belongs to the vault that would pay",
            field="destination",
        )


async def _check_retry(session: ReadSession, request: TransferRequest, payer: Payer) -> None:
    """Only what has ended without paying anybody can be asked for again, by the same client."""
    if request.retry_of is None:
        return
    earlier = await repository.find_transfer(session, request.retry_of, payer.client_id)
    if earlier is None:
        raise NotFound("transfer_not_found", "no such transfer", field="retry_of")
    if earlier.state not in REPEATABLE:
        raise Unprocessable(
            "transfer_not_repeatable", f"it is {earlier.state}, and may pay yet", field="retry_of"
        )


async def check_external_id(session: ReadSession, request: TransferRequest, client: str) -> None:
    """One name, one transfer, also one that was denied."""
    if request.external_id is None:
        return
    holder = await repository.holder_of(session, client, request.external_id)
    if holder is not None:
        raise Conflict(
            "external_id_taken",
            f"the transfer {holder} has this external_id",
            field="external_id",
            named={"transfer_id": holder},
        )


def fields(ask: Ask, mandate: Mandate, after: Transfer) -> dict[str, Any]:
    return {
        "id": mandate.core.transfer,
        "ordinal": new_id("ord"),
        "client_id": mandate.core.client,
        "vault_id": mandate.core.vault,
        "network": mandate.core.network,
        "asset": ask.payment.asset,
        "destination": ask.payment.address,
        "memo": ask.payment.memo,
        "amount": ask.payment.amount,
        "costs_max": ask.total_max,
        "note": ask.request.note,
        "external_id": ask.request.external_id,
        "metadata_json": words_json(ask.request.metadata),
        "initiator": mandate.core.initiator,
        "retry_of": ask.request.retry_of,
        "state": after.state,
        "version": after.version,
        "waiting": None,
        "reason": after.reason,
        "requested_at": mandate.core.requested_at,
        "updated_at": ask.now,
    }


def terms(ask: Ask, mandate: Mandate, event: Event) -> dict[str, Any]:
    """The first version of its terms."""
    word = WORDS.get(event)
    consent = Consent.OFFERED if word is None else decide(Consent.OFFERED, word)
    return {
        "transfer_id": mandate.core.transfer,
        "version": FIRST,
        "document": document_of(mandate),
        "digest": digest_of(mandate),
        "costs_max": ask.costs_max,
        "state": consent,
        "offered_at": mandate.core.requested_at,
        "expires_at": mandate.expires_at,
        "decided_at": None if word is None else ask.now,
    }
