"""How a transaction is drawn: its plan, what it bids, and whether who pays and who is paid can bear
it, by what the node has said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.effects import Call
from chains.errors import (
    CallUnknown,
    ClaimUnusable,
    DustAmount,
    InsufficientFunds,
    InsufficientGas,
    NodeMisbehaved,
    NotSignedApart,
    RentReserve,
)
from chains.model import UnsignedTx
from chains.solana import (
    LAMPORTS_PER_SIGNATURE,
    MICRO_LAMPORTS,
    UNITS_CREATING_NONCE,
    UNITS_PER_PAYMENT,
    UNITS_PER_TOKEN,
    UNITS_WITH_NONCE,
    carrying,
    spl,
)
from chains.solana.address import to_key
from chains.solana.bids import unit_prices
from chains.solana.build import AnyPayment, Payment, TransferPlan
from chains.solana.claims import Claim
from chains.solana.codec import SolanaCodec
from chains.solana.explain import explain, parse_payload
from chains.solana.nonce import index_of
from chains.solana.simulation import named
from chains.solana.spl import TokenPayment
from chains.solana.values import Account
from chains.transaction import TransferIntent


@dataclass(frozen=True, slots=True)
class Rents:
    """Lamports that an account must hold: a nonce account, and one without data."""

    nonce: int
    empty: int


def replaced(tx: UnsignedTx) -> TransferPlan:
    """What is replaced, as it was planned. Raises ClaimUnusable if its key does not bind."""
    message, origin, _ = parse_payload(tx.payload)
    plan = replace(explain(message), origin=origin)
    if origin is None:
        raise ClaimUnusable("nothing keeps this transaction and another one out of one block")
    return plan


def owner_of(intent: TransferIntent) -> Pubkey | None:
    """Whose tokens are paid, where another pays for it."""
    assert intent.source is not None
    return None if intent.apart is None else to_key(intent.source.address)


def submitted(intent: TransferIntent) -> tuple[TransferPlan, bytes] | None:
    """Of what another signed apart: the transaction, and his signature. Raises CallUnknown, also
    where it would take the place of another one: he signed its costs too."""
    assert intent.source is not None
    calls = [each for each in intent.effects if isinstance(each, Call)]
    if calls and intent.replaces is not None:
        raise CallUnknown("what another signed can be called off, and not be made to cost more")
    return carrying.read(calls[0], intent.source.address) if calls else None


def check_apart(codec: SolanaCodec, intent: TransferIntent) -> None:
    payments, apart = intent.payments, intent.apart
    assert apart is not None
    if apart.payer is None:
        raise NotSignedApart("nobody is named who pays for it")
    if len(payments) != 1 or not codec.signs_apart(payments[0].asset):
        raise NotSignedApart("one payment of a listed token of which nothing is withheld")
    (payment,) = payments
    token = codec.network.tokens[payment.asset]
    mint, program = spl.mint_of(codec.network.id, token.id), spl.PROGRAMS[token.kind]
    own = to_key(apart.payer)
    if to_key(payment.address) in (own, spl.associated(own, mint, program)):
        raise NotSignedApart("who pays for it would be paid by it")


def draw(
    source: Pubkey,
    payments: tuple[AnyPayment, ...],
    claim: Claim,
    lifetime: Hash,
    rents: Rents,
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


def for_fee(plan: TransferPlan, fee: int) -> TransferPlan:
    """The same for a fee of exactly so many lamports, which is at least its own."""
    bid = (fee - LAMPORTS_PER_SIGNATURE) * MICRO_LAMPORTS
    return replace(plan, unit_price=bid // plan.unit_limit)


def outbidding(before: TransferPlan, fee_most: int, recent: Sequence[int]) -> int:
    """Micro-lamports per compute unit for what takes the place of a transaction, for at most so
    many lamports. Validators ask for no rise, and take whatever pays most: so it is what those in a
    hurry pay, and at least twice as much as before; or as much as the bound allows, if that is more
    than before."""
    fees = fee_most - LAMPORTS_PER_SIGNATURE
    most = max(fees, 0) * MICRO_LAMPORTS // before.unit_limit
    return max(
        before.unit_price + 1, min(most, max(unit_prices(recent).fast, 2 * before.unit_price))
    )


def check_funds(plan: TransferPlan, balance: int, rents: Rents, opening: int) -> None:
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


def check_recipients(
    plan: TransferPlan, known: Mapping[Pubkey, Account | None], rents: Rents
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


def check_node_agrees(plan: TransferPlan, fee: int | None) -> None:
    if fee is None:
        raise ClaimUnusable("the node does not know the nonce value or blockhash any more")
    if fee != plan.fee:
        raise NodeMisbehaved(
            f"the node would charge {fee} lamports where {plan.fee} are expected",
            advice="compare with another node; the network's fees may have changed",
        )
