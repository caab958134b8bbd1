"""Messages of Solana that two sign, the owner of tokens first (ADR 0097): what is asked of either
beside and instead. Each begins with the honest one, which is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.effects import Pay
from chains.model import Address, UnsignedTx
from chains.solana import carrying
from chains.solana.build import TransferPlan, build_message, build_payload
from chains.solana.nonce import value_of
from chains.solana.spl import TokenPayment, associated
from signer.wire import Action, SignRequest
from tests.hostile.lies import Perform
from tests.hostile.transactions import AMOUNT, PAYEE_SOLANA, SOLANA
from tests.hostile.world import PAID_MINT, PAID_ROW, World, approved
from tests.support.solana_tokens import NEW

_OWNER: Final = Keypair.from_seed(b"\x61" * 32)
"""Some stranger's, whose payment the house carries."""
Bend = Callable[[TransferPlan], TransferPlan]


def _same(plan: TransferPlan) -> TransferPlan:
    return plan


def changing(**changes: Any) -> Bend:
    return lambda plan: replace(plan, **changes)


def paying_other(**changes: Any) -> Bend:
    return lambda plan: replace(plan, payments=(replace(plan.tokens[0], **changes),))


def house_of(world: World) -> Pubkey:
    return Pubkey(world.owned(SOLANA, "house").public_key)


def plan_of(world: World, owner: Pubkey, salt: int) -> TransferPlan:
    origin = Hash(salt.to_bytes(32, "big"))
    account = associated(owner, PAID_MINT, NEW)
    payment = TokenPayment(PAYEE_SOLANA, AMOUNT, PAID_MINT, NEW, 6, account, True)
    return TransferPlan(
        house_of(world), (payment,), 0, value_of(origin), 90_000, 10_000, 0, origin, owner=owner
    )


def _paid() -> Pay:
    return Pay(Address(str(PAYEE_SOLANA)), PAID_ROW["id"], AMOUNT)


def _half(world: World, plan: TransferPlan) -> SignRequest:
    """What the vault is asked for."""
    source = world.owned(SOLANA)
    tx = UnsignedTx(source_network(world), build_payload(plan), source.address)
    return approved(world.mandate(SOLANA, (_paid(),)), tx)


def source_network(world: World) -> Any:
    return next(each for each in world.codecs if each.startswith("solana:"))


def honest_half(world: World) -> tuple[SignRequest, TransferPlan]:
    owner = Pubkey(world.owned(SOLANA).public_key)
    plan = plan_of(world, owner, world.fresh())
    return _half(world, plan), plan


def by_owner(bend: Bend) -> Perform:
    """Of the vault, another message than was agreed."""

    def perform(world: World) -> str:
        request, _ = honest_half(world)
        world.must_sign(request)
        _, plan = honest_half(world)
        return world.word(_half(world, bend(plan)))

    return perform


def again(bend: Bend) -> Perform:
    """Of the vault, for a transfer that has one already."""

    def perform(world: World) -> str:
        request, plan = honest_half(world)
        world.must_sign(request)
        tx = replace(request.tx, payload=build_payload(bend(plan)))
        return world.word(replace(request, tx=tx))

    return perform


def two_transfers(world: World) -> str:
    """One message for two transfers of the vault: one payment would prove two."""
    request, plan = honest_half(world)
    world.must_sign(request)
    return world.word(_half(world, plan))


def unproven(world: World) -> str:
    world.must_sign(honest_half(world)[0])
    other = replace(honest_half(world)[1], origin=None)
    return world.word(_half(world, other))


def for_its_payer(world: World) -> str:
    """The vault is asked as if it paid for the transaction: no coins of it would be counted."""
    request, _ = honest_half(world)
    world.must_sign(request)
    fresh, plan = honest_half(world)
    tx = replace(fresh.tx, sender=Address(str(plan.source)))
    return world.word(replace(fresh, tx=tx))


# What the house is asked for.


def _whole(
    world: World, plan: TransferPlan, signature: bytes, agreed: TransferPlan | None = None
) -> SignRequest:
    call = carrying.words(agreed or plan, signature)
    mandate = world.mandate(SOLANA, (call,), vault="house", action=Action.CALL)
    payload = build_payload(plan) + signature
    tx = UnsignedTx(source_network(world), payload, Address(str(plan.source)))
    return approved(mandate, tx)


def _signature(plan: TransferPlan) -> bytes:
    return bytes(_OWNER.sign_message(build_message(plan)))


def _carried(world: World, bend: Bend = _same) -> tuple[SignRequest, TransferPlan]:
    plan = bend(plan_of(world, _OWNER.pubkey(), world.fresh()))
    return _whole(world, plan, _signature(plan)), plan


def by_payer(bend: Bend) -> Perform:
    """Of the house, a message that the owner has signed, and that does more."""

    def perform(world: World) -> str:
        world.must_sign(_carried(world)[0])
        return world.word(_carried(world, bend)[0])

    return perform


def other_than_agreed(bend: Bend) -> Perform:
    """The house agreed to the words of one message, and another that the owner signed is sent."""

    def perform(world: World) -> str:
        world.must_sign(_carried(world)[0])
        request, plan = _carried(world)
        other = bend(plan)
        payload = build_payload(other) + _signature(other)
        return world.word(replace(request, tx=replace(request.tx, payload=payload)))

    return perform


def before_the_owner(world: World) -> str:
    world.must_sign(_carried(world)[0])
    request, plan = _carried(world)
    return world.word(replace(request, tx=replace(request.tx, payload=build_payload(plan))))


def signed_by_a_third(world: World) -> str:
    world.must_sign(_carried(world)[0])
    _, plan = _carried(world)
    return world.word(_whole(world, plan, bytes(Keypair().sign_message(build_message(plan)))))


def two_carriers(world: World) -> str:
    """One message for two transfers of the house."""
    request, plan = _carried(world)
    world.must_sign(request)
    return world.word(_whole(world, plan, _signature(plan)))


def carried_twice(world: World) -> str:
    """Two messages for one transfer of the house, on two values of its nonce."""
    request, _ = _carried(world)
    world.must_sign(request)
    other, _ = _carried(world)
    return world.word(replace(request, tx=other.tx))
