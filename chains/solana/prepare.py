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
from chains.effects import Call
from chains.errors import (
    ChainError,
    ClaimUnusable,
    InvalidInput,
    NodeMisbehaved,
    NodeUnavailable,
    NotSignedApart,
)
from chains.model import AssetId, ConflictKey, Excludes, NetworkId, UnsignedTx
from chains.solana import (
    NONCE_ACCOUNT_BYTES,
    RENT_BYTES_BESIDE,
    RENT_PER_BYTE,
    UNIT_PRICE_MIN,
    UNITS_TO_SPARE,
)
from chains.solana.address import to_key
from chains.solana.bids import market_price
from chains.solana.build import (
    AnyPayment,
    Payment,
    TransferPlan,
    build_message,
    build_payload,
)
from chains.solana.claims import Claim, apart_key, busy_accounts
from chains.solana.closing import Own, accounts_of, fitting, left_empty, without_closings
from chains.solana.codec import SolanaCodec
from chains.solana.drawing import (
    Rents,
    check_apart,
    check_funds,
    check_node_agrees,
    check_recipients,
    draw,
    for_fee,
    outbidding,
    owner_of,
    replaced,
    submitted,
)
from chains.solana.origins import Origins
from chains.solana.rpc import Commitment, SolanaRpc
from chains.solana.shelf import Shelf, is_creatable, nonce_value
from chains.solana.simulation import check_outcome
from chains.solana.spl import TokenPayment
from chains.solana.tokens import Resolved, resolve
from chains.solana.values import Account
from chains.transaction import TransferIntent

_Parties = tuple[Pubkey, Resolved]
"""Who pays for the transaction, and what is paid."""


async def choose_claims(
    rpc: SolanaRpc, codec: SolanaCodec, origins: Origins, intents: Sequence[TransferIntent]
) -> Answers[Claim]:
    """For each the first of its source's nonce accounts that is ready and free, else the creation
    of the first that can be created; no account twice. What replaces another takes the same.

    InsufficientFunds or FeeAboveMaximum if even the cheapest transaction is out of reach,
    ClaimUnusable if every account is in use, and NotSignedApart where another would pay for it and
    has no nonce account that is ready.
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
            return Claim.of(replaced(intent.replaces))
        if (told := submitted(intent)) is not None:
            return Claim.of(told[0])
        if intent.taken not in busy_of:
            busy_of[intent.taken] = busy_accounts(codec.network.id, intent.taken)
        claim = await shelves[source].first_free(busy_of[intent.taken] | given)
        if intent.apart is not None and claim.value is None:
            raise NotSignedApart("who would pay for it has no nonce account that is ready")
        lifetime = claim.value or Hash.default()
        plan = draw(source, resolved.payments, claim, lifetime, rents, UNIT_PRICE_MIN)
        plan = replace(plan, owner=owner_of(intent))
        check_within(codec.costs_of(plan), intent.costs_max)
        if intent.empties and not plan.tokens:
            plan = for_fee(plan, intent.costs_max.get((codec.network.native.id, CostKind.FEE), 0))
        check_funds(plan, balances[source], rents, resolved.opening)
        given.add(claim.account)
        return claim

    chosen = [
        await answer(choose(intent, party)) for intent, party in zip(intents, parties, strict=True)
    ]
    proven = await _with_proofs(origins, chosen)
    return [_bound(intent, each) for intent, each in zip(intents, proven, strict=True)]


def _bound(intent: TransferIntent, claim: Claim | ChainError) -> Claim | ChainError:
    """Two sign only what binds both."""
    if intent.apart is None or not isinstance(claim, Claim) or claim.proven:
        return claim
    return NotSignedApart("the node does not show which block set the nonce value")


def keys_of(network: NetworkId, intent: TransferIntent, claim: Claim) -> tuple[ConflictKey, ...]:
    """What a transaction with the claim takes."""
    if intent.apart is None:
        return (claim.key(network),)
    assert intent.source is not None
    return claim.key(network), apart_key(network, intent.source.address, claim)


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
    plan = draw(source, paid, claim, lifetime, rents, price)
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
        plan, intent = found(plans[at]), intents[at]
        check_node_agrees(plan, found(fees[at]))
        assert intent.source is not None
        told = submitted(intent)
        payload = build_payload(plan) + (b"" if told is None else told[1])
        sender = None if plan.owner is None else intent.source.address
        unsigned = UnsignedTx(codec.network.id, payload, sender)
        _check_result(codec, unsigned, intent)
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
    fixed = intent.replaces is not None or submitted(intent) is not None
    if not plan.tokens or fixed or not units:
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
    owner: Pubkey | None = None
    carried: TransferPlan | None = None

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

    rents: Rents
    final: Mapping[Pubkey, Account | None]
    newest: Mapping[Pubkey, Account | None]
    blockhash: Hash | None
    origins: Mapping[Pubkey, Hash]
    prices: Mapping[tuple[Pubkey, ...], list[int] | ChainError]
    own: Mapping[Pubkey, Sequence[Own]]


def _wanted(codec: SolanaCodec, intent: TransferIntent, party: _Parties | ChainError) -> _Wanted:
    source, resolved = found(party)
    payments, opening = resolved.payments, resolved.opening
    (key,) = (each for each in intent.claim if each.excludes is not Excludes.EFFECT)
    claim = Claim.parse(codec.network.id, key)
    replaces = None if intent.replaces is None else replaced(intent.replaces)
    coins = not any(isinstance(each, TokenPayment) for each in payments)
    empties = intent.empties and replaces is None and coins
    costs, closes = intent.costs_max, intent.closes and bool(intent.effects)
    wanted = _Wanted(source, payments, opening, claim, costs, codec, replaces, empties, closes)
    told = submitted(intent)
    return replace(wanted, owner=owner_of(intent), carried=told and told[0])


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
    if each.carried is not None:  # as its owner signed it
        plan = each.carried
        check_within(each.codec.costs_of(plan), each.costs_max)
        _check_payer(each, plan, known)
        return plan
    recent = found(known.prices[each.written])
    price = market_price(recent)
    if each.replaces is not None:
        most = each.costs_max.get((each.native, CostKind.FEE), 0)
        price = outbidding(each.replaces, most, recent)
    plan = draw(each.source, each.payments, each.claim, lifetime, known.rents, price)
    plan = replace(plan, owner=each.owner)
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
        plan = for_fee(plan, each.costs_max.get((each.native, CostKind.FEE), 0))
    _check_payer(each, plan, known)
    check_recipients(plan, known.newest, known.rents)
    return plan


def _check_payer(wanted: _Wanted, plan: TransferPlan, known: _Known) -> None:
    paying = known.newest[wanted.source]
    check_funds(plan, paying.lamports if paying else 0, known.rents, wanted.opening)


def _closing(wanted: _Wanted, plan: TransferPlan, own: Sequence[Own]) -> TransferPlan:
    """With what can be closed for what it may cost."""
    more = fitting(plan, left_empty(wanted.source, own, plan.payments))
    fee = costs_in(wanted.native, {CostKind.FEE: more.fee})
    return plan if above(fee, wanted.costs_max) is not None else more


async def _rents(rpc: SolanaRpc) -> Rents:
    """What a token account costs no byte of a transaction says, and so the signer goes by the
    network's price: where a node asks for more than that, nothing is built."""
    nonce, empty = await rpc.rent_exempt_minimums([NONCE_ACCOUNT_BYTES, 0])
    if empty > RENT_BYTES_BESIDE * RENT_PER_BYTE:
        raise NodeMisbehaved(f"the node asks for {empty} lamports of rent, more than the network")
    return Rents(nonce, empty)


async def _parties_of(
    rpc: SolanaRpc, codec: SolanaCodec, intents: Sequence[TransferIntent]
) -> Answers[_Parties]:
    """Each checked without a node, then by what the node says of tokens."""
    checked = [attempt(partial(_checked, codec, intent)) for intent in intents]
    told = {id(intent): attempt(partial(submitted, intent)) for intent in intents}
    good = [e for e in checked if not isinstance(e, ChainError) and told[id(e)] is None]
    resolved = iter(await resolve(rpc, codec.network, good))

    def party(intent: TransferIntent) -> _Parties:
        if (said := found(told[id(intent)])) is not None:
            plan, _ = said
            return plan.source, Resolved(plan.payments, plan.rent_most)
        return _party(intent, next(resolved))

    return [
        each if isinstance(each, ChainError) else attempt(partial(party, each)) for each in checked
    ]


def _party(intent: TransferIntent, resolved: Resolved | ChainError) -> _Parties:
    assert intent.source is not None
    source = to_key(intent.source.address)
    if intent.apart is not None:
        assert intent.apart.payer is not None, "checked before"
        return to_key(intent.apart.payer), found(resolved)
    if not intent.effects:  # a cancel gives nothing to itself
        return source, Resolved((Payment(source, 0),))
    return source, found(resolved)


def _checked(codec: SolanaCodec, intent: TransferIntent) -> TransferIntent:
    assert intent.source is not None, "an account pays"
    if any(isinstance(each, Call) for each in intent.effects):
        return intent
    if intent.apart is not None:
        check_apart(codec, intent)
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


def _check_result(codec: SolanaCodec, unsigned: UnsignedTx, intent: TransferIntent) -> None:
    """The bytes, read back, do exactly what was asked for."""
    summary = codec.summarize(unsigned)
    assert intent.source is not None
    assert summary.unexplained == (), summary.unexplained
    assert summary.sources == (intent.source.address,)
    assert summary.effects == intent.effects
    assert summary.conflict_keys == frozenset(intent.claim)
    assert above(summary.costs.most, intent.costs_max) is None
