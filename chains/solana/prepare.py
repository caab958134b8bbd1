"""From an intent to an unsigned transaction: which nonce account, which price, is there enough.

Asks the node, holds no key, changes nothing. Nonce values and blockhashes are taken from the
finalized chain, never from a fork that may go: so a claimed value stays current until a
transaction consumes it, and whatever consumed it can be found (`chains.solana.death`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.errors import (
    ClaimUnusable,
    DustAmount,
    FeeAboveMaximum,
    InsufficientFunds,
    InvalidInput,
    NodeMisbehaved,
)
from chains.model import Payment, TransferIntent, UnsignedTx
from chains.solana import (
    ACCOUNTS_PER_CALL,
    NONCE_ACCOUNT_BYTES,
    UNIT_PRICE_MIN,
    UNIT_PRICE_PERCENTILE,
    UNITS_CREATING_NONCE,
    UNITS_WITH_NONCE,
)
from chains.solana.address import to_key
from chains.solana.build import TransferPlan, build_message
from chains.solana.claims import Claim, busy_accounts
from chains.solana.codec import SolanaCodec
from chains.solana.nonce import SYSTEM_PROGRAM_KEY, accounts_of, index_of, parse_state
from chains.solana.rpc import Account, Commitment, SolanaRpc


async def choose_claim(rpc: SolanaRpc, codec: SolanaCodec, intent: TransferIntent) -> Claim:
    """The first of the source's nonce accounts that is ready and free, else the creation of the
    first that can be created.

    Raises InsufficientFunds or FeeAboveMaximum if even the cheapest transaction is out of reach,
    and ClaimUnusable if every account is in use.
    """
    source, payment = _parties(codec, intent)
    claim = await _free_claim(rpc, source, busy_accounts(codec.network.id, intent.taken))
    lifetime = claim.value or Hash.default()
    plan = await _price(rpc, _plan(source, payment, claim, lifetime), unit_price=UNIT_PRICE_MIN)
    _check_fee(plan, intent.fee_max)
    balance = await rpc.balance(source)
    await _check_funds(rpc, plan, balance)
    return claim


async def build_transfer(rpc: SolanaRpc, codec: SolanaCodec, intent: TransferIntent) -> UnsignedTx:
    """The transaction for `intent` that consumes exactly `intent.claim`.

    Raises InsufficientFunds, FeeAboveMaximum, ClaimUnusable or DustAmount.
    """
    source, payment = _parties(codec, intent)
    (key,) = intent.claim
    claim = Claim.parse(codec.network.id, key)
    lifetime = await _current_lifetime(rpc, source, claim)
    plan = _plan(source, payment, claim, lifetime)
    written = (source, plan.recipient, plan.nonce_account)
    plan = await _price(rpc, plan, unit_price=await _market_price(rpc, written))
    _check_fee(plan, intent.fee_max)
    paying, receiving = await rpc.accounts([source, plan.recipient], Commitment.CONFIRMED)
    await _check_funds(rpc, plan, paying.lamports if paying else 0)
    await _check_recipient(rpc, plan, receiving)
    unsigned = UnsignedTx(network=codec.network.id, payload=build_message(plan))
    await _check_node_agrees(rpc, plan, unsigned)
    _check_result(codec, unsigned, intent)
    return unsigned


def _parties(codec: SolanaCodec, intent: TransferIntent) -> tuple[Pubkey, Payment]:
    assert intent.source is not None, "an account pays"
    assert len(intent.payments) == 1, "one payment in a transfer"
    (payment,) = intent.payments
    codec.check_payment(payment)
    if payment.address == intent.source.address:
        raise InvalidInput("the transfer pays its own source")
    return to_key(intent.source.address), payment


async def _free_claim(rpc: SolanaRpc, source: Pubkey, busy: frozenset[Pubkey]) -> Claim:
    for chunk in _chunks(accounts_of(source)):
        creatable = None
        accounts = await rpc.accounts(chunk, Commitment.FINALIZED)
        for key, account in zip(chunk, accounts, strict=True):
            if key in busy:
                continue
            value = _nonce_value(account, source)
            if value is not None:
                return Claim(key, value)
            if creatable is None and _is_creatable(account):
                creatable = key
        if creatable is not None:
            return Claim(creatable)
    raise ClaimUnusable(
        "every nonce account of the source is in use", advice="wait for transfers to become final"
    )


def _chunks(keys: Sequence[Pubkey]) -> Iterator[Sequence[Pubkey]]:
    return (keys[i : i + ACCOUNTS_PER_CALL] for i in range(0, len(keys), ACCOUNTS_PER_CALL))


def _nonce_value(account: Account | None, source: Pubkey) -> Hash | None:
    """The current nonce value if the account is one that `source` can use."""
    if account is None or account.owner != SYSTEM_PROGRAM_KEY:
        return None
    state = parse_state(account.data)
    return state.value if state is not None and state.authority == source else None


def _is_creatable(account: Account | None) -> bool:
    """Also when somebody has sent lamports there: allocation minds only data and owner."""
    return account is None or (account.owner == SYSTEM_PROGRAM_KEY and not account.data)


async def _current_lifetime(rpc: SolanaRpc, source: Pubkey, claim: Claim) -> Hash:
    """The claimed nonce value or a recent blockhash. Raises ClaimUnusable if the account is not,
    finally and at the tip, as the claim says."""
    (final,) = await rpc.accounts([claim.account], Commitment.FINALIZED)
    (newest,) = await rpc.accounts([claim.account], Commitment.CONFIRMED)
    if claim.value is None:
        if not (_is_creatable(final) and _is_creatable(newest)):
            raise ClaimUnusable("the nonce account exists already")
        return Hash.from_string((await rpc.latest_block(Commitment.FINALIZED)).hash)
    if not _nonce_value(final, source) == _nonce_value(newest, source) == claim.value:
        raise ClaimUnusable("the nonce account has another value by now")
    return claim.value


def _plan(source: Pubkey, payment: Payment, claim: Claim, lifetime: Hash) -> TransferPlan:
    index = index_of(source, claim.account)
    if index is None:
        raise ClaimUnusable("the claimed nonce account is not one of the source's own")
    return TransferPlan(
        source=source,
        recipient=to_key(payment.address),
        amount=payment.amount,
        nonce_index=index,
        lifetime=lifetime,
        unit_limit=UNITS_CREATING_NONCE if claim.value is None else UNITS_WITH_NONCE,
        unit_price=0,
    )


async def _price(rpc: SolanaRpc, plan: TransferPlan, *, unit_price: int) -> TransferPlan:
    """With what the network asks for: the bid for compute units, and rent for a new account."""
    creates = plan.unit_limit == UNITS_CREATING_NONCE
    rent = await rpc.rent_exempt_minimum(NONCE_ACCOUNT_BYTES) if creates else 0
    return replace(plan, unit_price=unit_price, rent=rent)


async def _market_price(rpc: SolanaRpc, written: Sequence[Pubkey]) -> int:
    """Micro-lamports per compute unit that would have entered most of the recent blocks."""
    prices = sorted(await rpc.recent_unit_prices(written))
    if not prices:
        return UNIT_PRICE_MIN
    return max(UNIT_PRICE_MIN, prices[(len(prices) - 1) * UNIT_PRICE_PERCENTILE // 100])


def _check_fee(plan: TransferPlan, fee_max: int) -> None:
    cost = plan.fee + plan.rent
    if cost > fee_max:
        raise FeeAboveMaximum(
            f"fee {plan.fee} and rent {plan.rent} lamports exceed the maximum of {fee_max}"
        )


async def _check_funds(rpc: SolanaRpc, plan: TransferPlan, balance: int) -> None:
    """An account may be emptied, but what stays in it must reach the rent-exempt minimum."""
    left = balance - plan.amount - plan.fee - plan.rent
    if left < 0:
        raise InsufficientFunds(f"{-left} lamports short")
    if left > 0 and left < (minimum := await rpc.rent_exempt_minimum(0)):
        raise InsufficientFunds(
            f"{left} lamports would stay in the account, where {minimum} or none must"
        )


async def _check_recipient(rpc: SolanaRpc, plan: TransferPlan, recipient: Account | None) -> None:
    """A transfer opens the recipient's account if there is none, and has to pay its rent."""
    if recipient is not None and recipient.lamports > 0:
        return
    minimum = await rpc.rent_exempt_minimum(0)
    if plan.amount < minimum:
        raise DustAmount(f"the recipient has no account yet; at least {minimum} lamports open one")


async def _check_node_agrees(rpc: SolanaRpc, plan: TransferPlan, unsigned: UnsignedTx) -> None:
    fee = await rpc.fee_of(unsigned.payload)
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
    assert summary.payments == intent.payments
    assert summary.conflict_keys == frozenset(intent.claim)
    assert summary.fee_max <= intent.fee_max
