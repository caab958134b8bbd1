"""From intents to unsigned transactions: which nonce account, which price, is there enough.

Asks the node, holds no key, changes nothing. Nonce values and blockhashes are taken from the
finalized chain, never from a fork that may go: so a claimed value stays current until a
transaction consumes it, and the block that has it shows which one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.answers import Answers, answer, attempt, found
from chains.costs import CostKind, Costs, above, check_within, costs_in
from chains.errors import (
    ChainError,
    ClaimUnusable,
    DustAmount,
    InsufficientFunds,
    InsufficientGas,
    InvalidInput,
    NodeMisbehaved,
    NodeUnavailable,
    RentReserve,
)
from chains.model import AssetId, ConflictKey, UnsignedTx
from chains.solana import (
    LAMPORTS_PER_SIGNATURE,
    MICRO_LAMPORTS,
    NONCE_ACCOUNT_BYTES,
    RENT_BYTES_BESIDE,
    RENT_PER_BYTE,
    UNIT_PRICE_MIN,
    UNITS_CREATING_NONCE,
    UNITS_PER_PAYMENT,
    UNITS_PER_TOKEN,
    UNITS_TO_SPARE,
    UNITS_WITH_NONCE,
)
from chains.solana.address import to_key
from chains.solana.bids import market_price, unit_prices
from chains.solana.build import (
    AnyPayment,
    Payment,
    TransferPlan,
    build_message,
    build_payload,
)
from chains.solana.claims import Claim, busy_accounts
from chains.solana.closing import Own, accounts_of, fitting, left_empty, without_closings
from chains.solana.codec import SolanaCodec
from chains.solana.explain import explain, parse_payload
from chains.solana.nonce import index_of
from chains.solana.origins import Origins
from chains.solana.rpc import Commitment, SolanaRpc
from chains.solana.shelf import Shelf, is_creatable, nonce_value
from chains.solana.simulation import check_outcome, named
from chains.solana.spl import TokenPayment
from chains.solana.tokens import Resolved, resolve
from chains.solana.values import Account
from chains.transaction import TransferIntent

_Parties = tuple[Pubkey, Resolved]
"""Who pays, and what."""


@dataclass(frozen=True, slots=True)
class _Rents:
    """Lamports that an account must hold: a nonce account, and one without data."""

    nonce: int
    empty: int


async def choose_claims(
    rpc: SolanaRpc, codec: SolanaCodec, origins: Origins, intents: Sequence[TransferIntent]
) -> Answers[Claim]:
    """For each the first of its source's nonce accounts that is ready and free, else the creation
    of the first that can be created; no account twice. What replaces another takes the same.

    InsufficientFunds or FeeAboveMaximum if even the cheapest transaction is out of reach, and
    ClaimUnusable if every account is in use.
    """
    rents = await _rents(rpc)
    parties = await _parties_of(rpc, codec, intents)
    sources = list(dict.fromkeys(each[0] for each in parties if isinstance(each, tuple)))
    paying = await rpc.accounts(sources, Commitment.CONFIRMED)
    balances = {
        source: account.lamports if account else 0
        for source, account in zip(sources, paying, strict=True)
    }
    shelves = {source: Shelf(rpc, source) for source in sources}
    busy_of: dict[frozenset[ConflictKey], frozenset[Pubkey]] = {}
    given: set[Pubkey] = set()

    async def choose(intent: TransferIntent, party: _Parties | ChainError) -> Claim:
        source, resolved = found(party)
        if intent.replaces is not None:
            return Claim.of(_replaced(intent.replaces))
        if intent.taken not in busy_of:
            busy_of[intent.taken] = busy_accounts(codec.network.id, intent.taken)
        claim = await shelves[source].first_free(busy_of[intent.taken] | given)
        lifetime = claim.value or Hash.default()
        plan = _plan(source, resolved.payments, claim, lifetime, rents, UNIT_PRICE_MIN)
        check_within(codec.costs_of(plan), intent.costs_max)
        if intent.empties and not plan.tokens:
            plan = _for(plan, intent.costs_max.get((codec.network.native.id, CostKind.FEE), 0))
        _check_funds(plan, balances[source], rents, resolved.opening)
        given.add(claim.account)
        return claim

    chosen = [
        await answer(choose(intent, party)) for intent, party in zip(intents, parties, strict=True)
    ]
    return await _with_proofs(origins, chosen)


async def _with_proofs(origins: Origins, chosen: Answers[Claim]) -> Answers[Claim]:
    """A claim whose value can be proven binds, so that what is sent with it can be replaced."""
    claims = [each for each in chosen if isinstance(each, Claim)]
    proofs = await origins.find(_values_of(claims))
    return [
        replace(each, proven=True) if isinstance(each, Claim) and each.account in proofs else each
        for each in chosen
    ]


def _values_of(claims: Sequence[Claim]) -> dict[Pubkey, Hash]:
    return {each.account: each.value for each in claims if each.value is not None}


def _replaced(tx: UnsignedTx) -> TransferPlan:
    """What is replaced, as it was planned. Raises ClaimUnusable if its key does not bind."""
    message, origin = parse_payload(tx.payload)
    plan = replace(explain(message), origin=origin)
    if origin is None:
        raise ClaimUnusable("nothing keeps this transaction and another one out of one block")
    return plan


async def cost_to_empty(rpc: SolanaRpc, codec: SolanaCodec, intent: TransferIntent) -> Costs:
    """What a payment of all that the source has costs now: the fee, and the rent of a nonce
    account if none is free. What a token costs is no part of it. Raises ClaimUnusable."""
    assert intent.source is not None
    if any(each.asset != codec.network.native.id for each in intent.payments):
        return intent.costs_max
    source = to_key(intent.source.address)
    paid = tuple(Payment(to_key(each.address), each.amount) for each in intent.payments)
    rents = await _rents(rpc)
    claim = await Shelf(rpc, source).first_free(busy_accounts(codec.network.id, intent.taken))
    written = (source, *(each.recipient for each in paid), claim.account)
    (recent,) = await rpc.recent_unit_prices([written])
    price, lifetime = market_price(found(recent)), claim.value or Hash.default()
    plan = _plan(source, paid, claim, lifetime, rents, price)
    if intent.closes:
        own = (await accounts_of(rpc, codec, [source]))[source]
        plan = fitting(plan, left_empty(source, own, paid))
    return costs_in(codec.network.native.id, {CostKind.FEE: plan.fee, CostKind.RENT: plan.rent})


async def build_transfers(
    rpc: SolanaRpc, codec: SolanaCodec, origins: Origins, intents: Sequence[TransferIntent]
) -> Answers[UnsignedTx]:
    """The transaction for each intent that consumes exactly its claim.

    InsufficientFunds, FeeAboveMaximum, ClaimUnusable, DustAmount or PayeeUnpayable. What makes
    several payments is simulated: one that fails would fail them all, and cost the fee.
    """
    parties = await _parties_of(rpc, codec, intents)
    wanted = [
        attempt(partial(_wanted, codec, intent, party))
        for intent, party in zip(intents, parties, strict=True)
    ]
    good = [each for each in wanted if isinstance(each, _Wanted)]
    known = await _look(rpc, codec, origins, good)
    plans = [attempt(partial(_planned, each, known)) for each in wanted]
    drawn = {at: plan for at, plan in enumerate(plans) if isinstance(plan, TransferPlan)}
    risky = [at for at, plan in drawn.items() if _is_risky(plan)]
    outcomes = await rpc.simulate([build_message(drawn[at]) for at in risky])
    simulated = dict(zip(risky, outcomes, strict=True))
    drawn |= await without_closings(rpc, drawn, simulated)
    for at, outcome in simulated.items():
        plans[at] = attempt(partial(_measured, drawn[at], intents[at], outcome))
    drawn = {at: plan for at, plan in enumerate(plans) if isinstance(plan, TransferPlan)}
    asked = await rpc.fees_of([build_message(plan) for plan in drawn.values()])
    fees = dict(zip(drawn, asked, strict=True))

    def checked(at: int) -> UnsignedTx:
        plan = found(plans[at])
        _check_node_agrees(plan, found(fees[at]))
        unsigned = UnsignedTx(network=codec.network.id, payload=build_payload(plan))
        _check_result(codec, unsigned, intents[at])
        return unsigned

    return [attempt(partial(checked, at)) for at in range(len(intents))]


def _is_risky(plan: TransferPlan) -> bool:
    return len(plan.payments) > 1 or bool(plan.tokens or plan.closings)


def _measured(
    plan: TransferPlan, intent: TransferIntent, outcome: tuple[Any, int] | ChainError
) -> TransferPlan:
    """With the compute units that a simulation took and some, where tokens are paid: what programs
    take depends on the accounts. What replaces another keeps its own."""
    error, units = found(outcome)
    check_outcome(plan, error)
    if not plan.tokens or intent.replaces is not None or not units:
        return plan
    return replace(plan, unit_limit=min(plan.unit_limit, units + units // 5 + UNITS_TO_SPARE))


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: Pubkey
    payments: tuple[AnyPayment, ...]
    opening: int
    claim: Claim
    costs_max: Costs
    codec: SolanaCodec
    replaces: TransferPlan | None = None
    empties: bool = False
    closes: bool = False

    @property
    def native(self) -> AssetId:
        return self.codec.network.native.id

    @property
    def written(self) -> tuple[Pubkey, ...]:
        payees = dict.fromkeys(each.paid for each in self.payments)
        payers = dict.fromkeys(
            each.account for each in self.payments if isinstance(each, TokenPayment)
        )
        return self.source, *payers, *payees, self.claim.account


@dataclass(frozen=True, slots=True)
class _Known:
    """What the node says, finally and at the tip. `blockhash`: a recent one, None if nobody asked.
    `origins`: by nonce account, which blockhash its claimed value was made of.
    `prices`: by the accounts that a transaction writes. `own`: token accounts by source."""

    rents: _Rents
    final: Mapping[Pubkey, Account | None]
    newest: Mapping[Pubkey, Account | None]
    blockhash: Hash | None
    origins: Mapping[Pubkey, Hash]
    prices: Mapping[tuple[Pubkey, ...], list[int] | ChainError]
    own: Mapping[Pubkey, Sequence[Own]]


def _wanted(codec: SolanaCodec, intent: TransferIntent, party: _Parties | ChainError) -> _Wanted:
    source, resolved = found(party)
    payments, opening = resolved.payments, resolved.opening
    (key,) = intent.claim
    claim = Claim.parse(codec.network.id, key)
    replaces = None if intent.replaces is None else _replaced(intent.replaces)
    coins = not any(isinstance(each, TokenPayment) for each in payments)
    empties = intent.empties and replaces is None and coins
    costs, closes = intent.costs_max, intent.closes and bool(intent.effects)
    return _Wanted(source, payments, opening, claim, costs, codec, replaces, empties, closes)


async def _look(
    rpc: SolanaRpc, codec: SolanaCodec, origins: Origins, wanted: Sequence[_Wanted]
) -> _Known:
    """Everything that the set's transactions rest on, each thing asked once."""
    nonces = list(dict.fromkeys(each.claim.account for each in wanted))
    written = list(dict.fromkeys(each.written for each in wanted))
    everyone = list(dict.fromkeys(key for keys in written for key in keys))
    final = await rpc.accounts(nonces, Commitment.FINALIZED)
    newest = await rpc.accounts(everyone, Commitment.CONFIRMED)
    creates = any(each.claim.value is None for each in wanted)
    proven = [each.claim for each in wanted if each.claim.proven]
    block = await rpc.latest_block(Commitment.FINALIZED) if creates else None
    prices = await rpc.recent_unit_prices(written)
    closing = list(dict.fromkeys(each.source for each in wanted if each.closes))
    return _Known(
        rents=await _rents(rpc),
        final=dict(zip(nonces, final, strict=True)),
        newest=dict(zip(everyone, newest, strict=True)),
        blockhash=None if block is None else Hash.from_string(block.hash),
        origins=await origins.find(_values_of(proven)),
        prices=dict(zip(written, prices, strict=True)),
        own=await accounts_of(rpc, codec, closing) if closing else {},
    )


def _planned(wanted: _Wanted | ChainError, known: _Known) -> TransferPlan:
    each = found(wanted)
    lifetime = _current_lifetime(each.source, each.claim, known)
    recent = found(known.prices[each.written])
    price = market_price(recent) if each.replaces is None else _outbidding(each, recent)
    plan = _plan(each.source, each.payments, each.claim, lifetime, known.rents, price)
    if plan.tokens and each.replaces is not None:  # it was measured then, and the bid is for it
        plan = replace(plan, unit_limit=each.replaces.unit_limit)
    elif each.closes and each.replaces is None:
        plan = _closing(each, plan, known.own[each.source])
    if each.claim.proven:
        if each.claim.account not in known.origins:
            raise NodeUnavailable("the node does not show which block set the nonce value")
        plan = replace(plan, origin=known.origins[each.claim.account])
    check_within(each.codec.costs_of(plan), each.costs_max)
    if each.empties:
        plan = _for(plan, each.costs_max.get((each.native, CostKind.FEE), 0))
    paying = known.newest[each.source]
    _check_funds(plan, paying.lamports if paying else 0, known.rents, each.opening)
    _check_recipients(plan, known.newest, known.rents)
    return plan


def _closing(wanted: _Wanted, plan: TransferPlan, own: Sequence[Own]) -> TransferPlan:
    """With what can be closed for what it may cost."""
    more = fitting(plan, left_empty(wanted.source, own, plan.payments))
    fee = costs_in(wanted.native, {CostKind.FEE: more.fee})
    return plan if above(fee, wanted.costs_max) is not None else more


async def _rents(rpc: SolanaRpc) -> _Rents:
    """What a token account costs no byte of a transaction says, and so the signer goes by the
    network's price: where a node asks for more than that, nothing is built."""
    nonce, empty = await rpc.rent_exempt_minimums([NONCE_ACCOUNT_BYTES, 0])
    if empty > RENT_BYTES_BESIDE * RENT_PER_BYTE:
        raise NodeMisbehaved(f"the node asks for {empty} lamports of rent, more than the network")
    return _Rents(nonce, empty)


async def _parties_of(
    rpc: SolanaRpc, codec: SolanaCodec, intents: Sequence[TransferIntent]
) -> Answers[_Parties]:
    """Each checked without a node, then by what the node says of tokens."""
    checked = [attempt(partial(_checked, codec, intent)) for intent in intents]
    good = [intent for intent, each in zip(intents, checked, strict=True) if each is intent]
    resolved = iter(await resolve(rpc, codec.network, good))
    return [
        each if isinstance(each, ChainError) else attempt(partial(_party, each, next(resolved)))
        for each in checked
    ]


def _party(intent: TransferIntent, resolved: Resolved | ChainError) -> _Parties:
    assert intent.source is not None
    source = to_key(intent.source.address)
    if not intent.effects:  # a cancel gives nothing to itself
        return source, Resolved((Payment(source, 0),))
    return source, found(resolved)


def _checked(codec: SolanaCodec, intent: TransferIntent) -> TransferIntent:
    assert intent.source is not None, "an account pays"
    for payment in intent.payments:
        codec.check_payment(payment)
        if payment.address == intent.source.address:
            raise InvalidInput("the transfer pays its own source")
    if intent.effects:
        codec.check_outputs(intent.payments)
    return intent


def _current_lifetime(source: Pubkey, claim: Claim, known: _Known) -> Hash:
    """The claimed nonce value or a recent blockhash. Raises ClaimUnusable if the account is not,
    finally and at the tip, as the claim says."""
    final, newest = known.final[claim.account], known.newest[claim.account]
    if claim.value is None:
        if not (is_creatable(final) and is_creatable(newest)):
            raise ClaimUnusable("the nonce account exists already")
        assert known.blockhash is not None
        return known.blockhash
    if not nonce_value(final, source) == nonce_value(newest, source) == claim.value:
        raise ClaimUnusable("the nonce account has another value by now")
    return claim.value


def _plan(
    source: Pubkey,
    payments: tuple[AnyPayment, ...],
    claim: Claim,
    lifetime: Hash,
    rents: _Rents,
    unit_price: int,
) -> TransferPlan:
    """With what the network asks for: the bid for compute units, and rent for a new account."""
    index = index_of(source, claim.account)
    if index is None:
        raise ClaimUnusable("the claimed nonce account is not one of the source's own")
    creates = claim.value is None
    least = UNITS_CREATING_NONCE if creates else UNITS_WITH_NONCE
    return TransferPlan(
        source=source,
        payments=payments,
        nonce_index=index,
        lifetime=lifetime,
        unit_limit=least + sum(map(_units, payments)) - UNITS_PER_PAYMENT,
        unit_price=unit_price,
        rent=rents.nonce if creates else 0,
    )


def _units(payment: AnyPayment) -> int:
    """At most; what a token's program takes, a simulation tells."""
    return UNITS_PER_TOKEN if isinstance(payment, TokenPayment) else UNITS_PER_PAYMENT


def _for(plan: TransferPlan, fee: int) -> TransferPlan:
    """The same for a fee of exactly so many lamports, which is at least its own."""
    bid = (fee - LAMPORTS_PER_SIGNATURE) * MICRO_LAMPORTS
    return replace(plan, unit_price=bid // plan.unit_limit)


def _outbidding(wanted: _Wanted, recent: Sequence[int]) -> int:
    """Micro-lamports per compute unit for what takes the place of a transaction. Validators ask for
    no rise, and take whatever pays most: so it is what those in a hurry pay, and at least twice as
    much as before; or as much as the bound allows, if that is more than before."""
    assert wanted.replaces is not None
    before = wanted.replaces.unit_price
    fees = wanted.costs_max.get((wanted.native, CostKind.FEE), 0) - LAMPORTS_PER_SIGNATURE
    most = max(fees, 0) * MICRO_LAMPORTS // wanted.replaces.unit_limit
    return max(before + 1, min(most, max(unit_prices(recent).fast, 2 * before)))


def _check_funds(plan: TransferPlan, balance: int, rents: _Rents, opening: int) -> None:
    """An account may be emptied, but what stays in it must reach the rent-exempt minimum.
    `opening`: lamports for token accounts that are not there yet."""
    left = balance - plan.amount - plan.fee - plan.rent - opening
    if left < 0 and plan.tokens:
        raise InsufficientGas(f"{-left} lamports short for fee and rent")
    if left < 0:
        raise InsufficientFunds(f"{-left} lamports short")
    if 0 < left < rents.empty:
        raise RentReserve(
            f"{left} lamports would stay in the account, where {rents.empty} or none must"
        )


def _check_recipients(
    plan: TransferPlan, known: Mapping[Pubkey, Account | None], rents: _Rents
) -> None:
    """A transfer opens the recipient's account if there is none, and has to pay its rent. What one
    gets by several payments counts together: the chain looks when all are made."""
    given: dict[Pubkey, int] = {}
    coins = [each for each in plan.payments if isinstance(each, Payment)]
    for recipient, lamports in coins:
        given[recipient] = given.get(recipient, 0) + lamports
    for number, each in enumerate(plan.payments, start=1):
        if not isinstance(each, Payment):
            continue
        recipient = each.recipient
        account = known[recipient]
        is_open = account is not None and account.lamports > 0
        if not is_open and given[recipient] < rents.empty:
            raise DustAmount(
                f"{named(plan, number)} has no account yet; at least {rents.empty} lamports open"
                " one"
            )


def _check_node_agrees(plan: TransferPlan, fee: int | None) -> None:
    if fee is None:
        raise ClaimUnusable("the node does not know the nonce value or blockhash any more")
    if fee != plan.fee:
        raise NodeMisbehaved(
            f"the node would charge {fee} lamports where {plan.fee} are expected",
            advice="compare with another node; the network's fees may have changed",
        )


def _check_result(codec: SolanaCodec, unsigned: UnsignedTx, intent: TransferIntent) -> None:
    """The bytes, read back, do exactly what was asked for."""
    summary = codec.summarize(unsigned)
    assert intent.source is not None
    assert summary.unexplained == (), summary.unexplained
    assert summary.sources == (intent.source.address,)
    assert summary.effects == intent.effects
    assert summary.conflict_keys == frozenset(intent.claim)
    assert above(summary.costs.most, intent.costs_max) is None
