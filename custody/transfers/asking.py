"""One request for a transfer: what it asks for, what keeps it from being made, and the rows that it
becomes. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from chains import outcomes
from chains.assets import Asset
from chains.codec import TransactionCodec
from chains.costs import Costs, Withholding, by_asset
from chains.effects import Allow, Call, Effect, Pay, Told
from chains.errors import (
    ChainError,
    InvalidAddress,
    InvalidInput,
    MemoUnsupported,
    TooManyOutputs,
)
from chains.model import Address, AddressType, NetworkId
from custody.apikeys.model import Caller
from custody.db.ids import new_id
from custody.db.message_tables import MessageRow
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransferRow
from custody.errors import Conflict, Invalid, NotFound, Unprocessable
from custody.journal.repository import signer_ahead
from custody.outcomes.stops import check_callable
from custody.transfers import children, repository
from custody.transfers.apply import WORDS
from custody.transfers.children import Parent
from custody.transfers.consent import Consent, decide
from custody.transfers.kinds import Kind, coins_first, stays
from custody.transfers.mandates import digest_of, document_of, reason_of, stored_mandate
from custody.transfers.outputs import paid
from custody.transfers.request import OUTPUTS_MAX, TransferRequest, words_json
from custody.transfers.state import REPEATABLE, Event, Transfer
from custody.vaults.moved_repository import vault_moved
from custody.vaults.paying_repository import Payer, Source, owns_one_of
from signer.policy import Evaluation, Policy, Ruling
from signer.wire import Mandate

FIRST: Final = 1
"""The version of a transfer's terms that it is made with."""
NOBODY: Final = Address("")
"""Whom a message pays: it has no address, so nobody's is looked up by it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What there is to know before all of it can be paid: what that costs, or why nobody can say;
    `has`: how much there is to pay with, None if that is all that the vault's books have. `coins`:
    what lies of the native asset at the address whose token is swept, else None. `returns`: by
    token account that would be closed, what would come back."""

    costs: Costs | ChainError | Unprocessable
    has: int | None
    coins: int | None = None
    returns: Mapping[Address, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, understood, with the policy and the moment it is judged by. `whole`: of one for
    all there is, whose payment and bounds say nothing before it is sized. `source`: of a sweep or
    a child. `parent`: of a child. `withholding`: what the token keeps of payments, where it may.
    `says`: what a message does, once who signs it is known."""

    request: TransferRequest
    caller: Caller
    codec: TransactionCodec
    payments: tuple[Pay, ...]
    costs_max: Costs
    policy: Policy
    now: datetime
    whole: Whole | None = None
    source: Source | None = None
    parent: Parent | None = None
    withholding: Withholding | None = None
    says: tuple[Effect, ...] = ()

    def is_for(
        self,
        row: TransferRow,
        payments: Sequence[Pay],
        told: Told | None,
        message: MessageRow | None = None,
    ) -> bool:
        """Whether `row`, which makes the payments or tells that to a contract, or signs the
        message, is what is asked for. A note is words, and may be lost by a recovery; and how much
        all was is said once."""
        place = self.request.vault_id, self.codec.network.id
        whole = self.request.takes_all
        asked = zip(self.payments, payments, strict=False)
        wanted = tuple(replace(a, amount=p.amount) if whole else a for a, p in asked)
        return (
            (row.vault_id, row.network) == place
            and self.request.told == told
            and _bounds(self.request.told) == _bounds(told)
            and self._is_said(message)
            and len(payments) == len(self.payments)
            and tuple(payments) == wanted
            and (row.kind == self.kind or not (stays(row.kind) or stays(self.kind)))
            and (whole or self.request.says_no_costs or row.costs_max == self.total_max)
        )

    def _is_said(self, message: MessageRow | None) -> bool:
        wanted = self.request.message
        if wanted is None or message is None:
            return wanted is None and message is None
        signer = None if self.source is None else self.source.address
        return (wanted.kind, wanted.content, signer) == (
            message.kind,
            message.content,
            message.signer,
        )

    @property
    def effects(self) -> tuple[Effect, ...]:
        if self.request.message is not None:
            return self.says
        return self.payments if self.request.told is None else (self.request.told,)

    @property
    def first_payee(self) -> Address:
        if self.request.message is not None:
            return NOBODY
        match self.request.told:
            case None:
                return self.payments[0].address
            case Call(contract=contract):
                return contract
            case Allow(spender=spender):
                return spender

    @property
    def kind(self) -> Kind:
        if isinstance(self.request.told, Allow):
            return Kind.ALLOWANCE
        if self.request.told is not None:
            return Kind.CALL_CHARGED if self.request.charged else Kind.CALL
        if self.request.message is not None:
            return Kind.MESSAGE
        if self.request.source is not None:
            return Kind.SWEEP
        if self.request.consolidate is not None:
            return Kind.CONSOLIDATION
        if self.request.split is not None:
            return Kind.SPLITTING
        if self.request.tops_up:
            return Kind.GAS_CHARGED if self.request.charged else Kind.GAS
        if self.request.child_of is not None:
            return Kind.CHILD
        return Kind.EMPTYING if self.request.takes_all else Kind.PAYMENT

    @property
    def amount(self) -> int:
        """Of all payments, which are of one asset."""
        return sum(each.amount for each in self.payments)

    @property
    def total_max(self) -> int:
        """The most that it may cost, all kinds together, in the native asset."""
        return by_asset(self.costs_max).get(self.codec.network.native.id, 0)


def _bounds(told: Told | None) -> tuple[str, ...]:
    return told.outcome if isinstance(told, Call) else ()


def payment_of(ask: Ask) -> tuple[NetworkId, str, Address, AddressType]:
    """What there is to know of the payer."""
    network = ask.codec.network
    return network.id, ask.request.vault_id, ask.first_payee, network.address_types[0]


def visible(ask: Ask, payer: Payer | None) -> Payer:
    """Raises NotFound vault_not_found."""
    if payer is None or not ask.caller.sees(payer.client_id):
        raise NotFound("vault_not_found", "There is no such vault.", field="vault_id")
    return payer


async def check_possible(session: ReadSession, ask: Ask, payer: Payer) -> None:
    """Raises NotFound, Unprocessable, Conflict vault_moved, Unavailable signer_ahead."""
    if payer.closed_since is not None:
        raise signer_ahead()
    _check_payer(payer, ask)
    await _check_others(session, ask, payer)
    await _check_retry(session, ask.request, payer)
    await _check_source(session, ask, payer)
    if isinstance(ask.request.told, Call):
        await check_callable(session, payer.vault_id, ask.codec.network.id, ask.request.told)
    if ask.parent is not None and await children.is_under_way(session, ask.parent):
        words = "another transfer spends this coin of it already"
        raise Unprocessable("child_under_way", words, field="child_of")


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


@contextmanager
def of_output(number: int, count: int) -> Iterator[None]:
    """What is found wrong is so in one of `count` outputs; in the only one, in the request."""
    try:
        yield
    except InvalidInput as error:
        if count == 1:
            raise
        field = next((name for kind, name in _FIELDS if isinstance(error, kind)), "amount")
        raise Invalid(error.code, str(error), field=f"outputs/{number}/{field}") from error


_FIELDS: Final = ((InvalidAddress, "destination"), (MemoUnsupported, "memo"))


def check_outputs(codec: TransactionCodec, payments: Sequence[Pay]) -> None:
    """Raises Invalid outputs_unsupported, outputs_too_many."""
    try:
        codec.check_outputs(payments)
    except InvalidInput as error:
        raise Invalid(error.code, str(error), field="outputs") from error
    if len(payments) > OUTPUTS_MAX:
        raise Invalid(TooManyOutputs.code, f"at most {OUTPUTS_MAX}", field="outputs")


def check_rearranging(request: TransferRequest, codec: TransactionCodec | None) -> None:
    """Of one that consolidates or splits coins, or is a child. Raises Invalid
    not_consolidated_here, coins_not_whole."""
    ways = (request.consolidate, request.split, request.child_of)
    wanted = [each for each in ways if each is not None]
    if not wanted:
        return
    if codec is not None and not codec.traits.coins:
        words = "there are no coins here to consolidate or to split"
        raise Invalid("not_consolidated_here", words, field="network")
    if len(wanted) > 1 or not request.takes_all or request.source is not None:
        words = "consolidate, split or child_of, and all that the coins are worth"
        raise Invalid("coins_not_whole", words, field="amount")


def check_calling(request: TransferRequest, codec: TransactionCodec) -> None:
    """Of one that tells a contract something. Raises CallUnknown, MalformedOutcome, Invalid
    amount_above_maximum."""
    if request.told is None:
        return
    assert not request.outputs, "a call makes no payments beside it"
    about = request.told.asset if isinstance(request.told, Allow) else codec.network.native.id
    assert request.asset == about, "the coins of a call are the network's own"
    codec.check_call(request.told, None)
    if isinstance(request.told, Call):
        outcomes.read(request.told.outcome, codec.network.id)
        check_maximum("value", request.told.value, codec.network.native)


def check_closing(request: TransferRequest, codec: TransactionCodec) -> None:
    """Of one that closes accounts. Raises Invalid no_accounts_here, closing_not_whole."""
    if not request.close_accounts:
        return
    if not codec.traits.token_accounts:
        words = "tokens lie in no accounts of their own here: there is nothing to close"
        raise Invalid("no_accounts_here", words, field="close_accounts")
    if not request.takes_all:
        words = "what leaves something behind leaves no account empty: ask for all"
        raise Invalid("closing_not_whole", words, field="amount")


def _check_payer(payer: Payer, ask: Ask) -> None:
    if payer.successor is not None and not (ask.request.moves or stays(ask.kind)):
        raise vault_moved(payer.successor)
    if payer.frozen_reason is not None:
        raise Unprocessable("vault_frozen", f"nothing may leave: {payer.frozen_reason}")
    if payer.pays_itself and not stays(ask.kind):
        raise _pays_itself()
    if not payer.pays_itself and coins_first(ask.kind) is not None:
        words = "coins are consolidated and split within the vault: name an address of its own"
        raise Unprocessable("coins_elsewhere", words, field="destination")


def _pays_itself() -> Unprocessable:
    """It would cost a fee, move nothing, and look like a deposit."""
    words = "the destination belongs to the vault that would pay"
    return Unprocessable("destination_in_same_vault", words, field="destination")


async def _check_others(session: ReadSession, ask: Ask, payer: Payer) -> None:
    """Of the payees, those behind the first."""
    others = [] if stays(ask.kind) else [each.address for each in ask.payments[1:]]
    if others and await owns_one_of(session, ask.codec.network.id, payer.vault_id, others):
        raise _pays_itself()


async def _check_source(session: ReadSession, ask: Ask, payer: Payer) -> None:
    """Two sweeps of one address would both count on what lies there."""
    if ask.source is None:
        return
    network = ask.codec.network.id
    for terms in await repository.sweeps_under_way(session, payer.vault_id, network):
        if stored_mandate(terms).core.source_path == ask.source.path:
            words = f"{terms.transfer_id} sweeps this address already"
            raise Unprocessable("sweep_under_way", words, field="source")


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
        **paid(ask.effects, ask.codec.network.native.id),
        "costs_max": ask.total_max,
        "kind": ask.kind,
        "priority": ask.request.priority,
        "note": ask.request.note,
        "external_id": ask.request.external_id,
        "metadata_json": words_json(ask.request.metadata),
        "initiator": mandate.core.initiator,
        "retry_of": ask.request.retry_of,
        "payout_file": ask.request.payout_file,
        "closes": ask.request.close_accounts,
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
