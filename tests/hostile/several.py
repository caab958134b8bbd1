"""What several mandates in one transaction, versions of one and cancels could be abused for.

The transactions are real ones: bitcoin where one carries several transfers, EVM where a nonce keeps
two of them apart, Solana where two kinds of cost are paid. Every approval is real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chains.bitcoin.transaction import parse_transaction
from chains.costs import CostKind, costs_in
from chains.effects import Allow, Call, Delegate, Effect, Pay, Sign
from chains.model import Address, AddressType, UnsignedTx
from signer.agreement import action_of
from signer.policy import basis_of
from signer.wire import Action, Consent, Mandate, parse_opinion
from tests.hostile.transactions import (
    AMOUNT,
    BITCOIN,
    ETHEREUM,
    PAYEE_BITCOIN,
    SOLANA,
    SPELLING,
    THIEF_EVM,
    UNSIGNED_TX,
    Coins,
    edit_transaction,
    evm,
    solana,
    solana_plan,
)
from tests.hostile.world import (
    ROUTER_ROW,
    SUPPLIER,
    World,
    approvals,
    approved,
    approved_by,
    listed,
    payment,
)
from tests.support.signer import calling_off as call_off
from tests.support.signer import changed, native, outcome_word
from tests.support.signer import paying as pay
from tests.unit.bitcoin.support import PsbtMap, intent_of, unsigned

Perform = Callable[[World], str]
RENT = 1_447_680
"""Lamports that keep a nonce account of 80 bytes alive."""


def coins(world: World, *salts: int, pays: Sequence[Pay], vault: str = "main") -> UnsignedTx:
    """Spends one coin for each salt."""
    made = Coins(world, vault=vault, salts=salts).made()
    change = world.change(vault, 5, AddressType.P2WPKH)
    intent = intent_of(pays, change, [coin for coin, _ in made])
    return unsigned(intent, {coin.txid: tx for coin, tx in made})


def transfers(
    world: World, number: int, *, amount: int = AMOUNT, vault: str = "main"
) -> list[Mandate]:
    """Of bitcoin, all alike but for their names."""
    one = (payment(BITCOIN, PAYEE_BITCOIN, amount),)
    return [world.mandate(BITCOIN, one, vault=vault) for _ in range(number)]


def together(*mandates: Mandate) -> list[Pay]:
    return [each for mandate in mandates for each in mandate.core.effects if isinstance(each, Pay)]


def agreed(*mandates: Mandate) -> tuple[Consent, ...]:
    return tuple(Consent(mandate, approvals(mandate)) for mandate in mandates)


# One transfer and its partners


def two_batches(world: World) -> str:
    """The second transfer stands in two batches that both could confirm."""
    first, second, third = transfers(world, 3)
    one, two = world.fresh(), world.fresh()
    world.must_sign(pay(*agreed(first, second), tx=coins(world, one, pays=together(first, second))))
    other = coins(world, two, pays=together(second, third))
    return world.word(pay(*agreed(second, third), tx=other))


def chain_of_batches(world: World) -> str:
    """A pays the first with coin 1, B both with coins 1 and 2, C the first again with coin 2: A and
    C have nothing in common."""
    first, second = transfers(world, 2)
    one, two = world.fresh(), world.fresh()
    world.must_sign(pay(*agreed(first), tx=coins(world, one, pays=together(first))))
    both = coins(world, one, two, pays=together(first, second))
    world.must_sign(pay(*agreed(first, second), tx=both))
    return world.word(pay(*agreed(first), tx=coins(world, two, pays=together(first))))


def another_partner(world: World) -> str:
    """Bytes that paid the first and the second, now for the first and the third, whose payment
    looks the same: one payment would have two receipts."""
    first, second, third = transfers(world, 3)
    tx = coins(world, world.fresh(), pays=together(first, second))
    world.must_sign(pay(*agreed(first, second), tx=tx))
    return world.word(pay(*agreed(first, third), tx=tx))


def one_of_two(world: World) -> str:
    """The same bytes for a part of the set that they were signed for."""
    first, second = transfers(world, 2)
    tx = coins(world, world.fresh(), pays=together(first, second))
    world.must_sign(pay(*agreed(first, second), tx=tx))
    return world.word(pay(*agreed(first), tx=tx))


def partners_of(vault: str) -> Perform:
    """A transfer of `vault` is paid from the coins of another one."""

    def perform(world: World) -> str:
        (ours,), (theirs,) = transfers(world, 1), transfers(world, 1, vault=vault)
        tx = coins(world, world.fresh(), pays=together(ours, theirs))
        return world.word(pay(*agreed(ours, theirs), tx=tx))

    return perform


def twice_in_a_request(world: World) -> str:
    (mandate,) = transfers(world, 1)
    tx = coins(world, world.fresh(), pays=together(mandate, mandate))
    return world.word(pay(*agreed(mandate, mandate), tx=tx))


def two_versions_in_a_request(world: World) -> str:
    (mandate,) = transfers(world, 1)
    second = replace(mandate, version=2)
    tx = coins(world, world.fresh(), pays=together(mandate, second))
    return world.word(pay(*agreed(mandate, second), tx=tx))


def one_payment_for_two(world: World) -> str:
    """Two transfers to one payee, and one payment for both."""
    first, second = transfers(world, 2)
    tx = coins(world, world.fresh(), pays=together(first))
    return world.word(pay(*agreed(first, second), tx=tx))


def borrowed_approvals(world: World) -> str:
    """The second transfer shows the approvals of the first."""
    first, second = transfers(world, 2)
    tx = coins(world, world.fresh(), pays=together(first, second))
    borrowed = Consent(second, approvals(first))
    return world.word(pay(*agreed(first), borrowed, tx=tx))


def carried_along(world: World) -> str:
    """One of two has nobody's approval, and hopes to be overlooked."""
    first, second = transfers(world, 2)
    tx = coins(world, world.fresh(), pays=together(first, second))
    return world.word(pay(*agreed(first), Consent(second), tx=tx))


# Bounds


def bounds_twice(world: World) -> str:
    """A fee above the sum of the bounds, which each of them counted twice would cover."""
    first, second = transfers(world, 2)
    tx = coins(world, world.fresh(), pays=together(first, second))
    (fee,) = world.codecs[tx.network].summarize(tx).costs.most.values()
    bounded = [changed(mandate, fee_max=fee // 3) for mandate in (first, second)]
    return world.word(pay(*agreed(*bounded), tx=tx))


def rent_as_fee(world: World) -> str:
    """Solana: what was agreed to for rent goes to the validators."""
    plan = solana_plan(world)
    fee, rent = CostKind.FEE, CostKind.RENT
    bounds = costs_in(native(SOLANA), {fee: plan.fee - 1, rent: RENT})
    mandate = changed(world.mandate(SOLANA, (_lamports(),)), costs_max=bounds)
    return world.word(approved(mandate, solana(world)))


def _lamports() -> Pay:
    return payment(SOLANA, SPELLING[SOLANA], AMOUNT)


# Windows


def window_within_a_batch(world: World) -> str:
    """Each is below the limit; in one transaction they are above it."""
    mandates = transfers(world, 2, amount=60_000, vault="pool")
    tx = coins(world, world.fresh(), pays=together(*mandates), vault="pool")
    return world.word(pay(*map(Consent, mandates), tx=tx))


def window_forgets_the_dearer(world: World) -> str:
    """A transfer is signed for again with lower bounds, so that it would take less of the window;
    but the dearer transaction may be the one that confirms."""
    nonce = world.fresh()
    dear = world.mandate(ETHEREUM, (_wei(60_000),), vault="versions", fee_max=105_000)
    world.must_sign(approved_by(dear, _petty(world, "versions", 60_000, nonce, 5)))
    cheap = changed(dear, version=2, fee_max=21_000)
    world.must_sign(approved_by(cheap, _petty(world, "versions", 60_000, nonce, 1)))
    other = world.mandate(ETHEREUM, (_wei(60_000),), vault="versions", fee_max=21_000)
    return world.word(approved_by(other, _petty(world, "versions", 60_000, nonce + 1, 1)))


def cancel_that_erases(world: World) -> str:
    """What was cancelled may still confirm; so its window is not free for another one."""
    nonce = world.fresh()
    first = world.mandate(ETHEREUM, (_wei(100_000),), vault="cancels", fee_max=42_000)
    world.must_sign(approved_by(first, _petty(world, "cancels", 100_000, nonce, 1)))
    world.must_sign(call_off(first, tx=_to_itself(world, "cancels", nonce, 2)))
    second = world.mandate(ETHEREUM, (_wei(100_000),), vault="cancels", fee_max=42_000)
    return world.word(approved_by(second, _petty(world, "cancels", 100_000, nonce + 1, 1)))


def _wei(amount: int) -> Pay:
    return payment(ETHEREUM, SUPPLIER, amount)


def _petty(world: World, vault: str, value: int, nonce: int, price: int) -> UnsignedTx:
    prices: dict[str, Any] = {"fee_per_gas_max": price, "priority_fee": price}
    return evm(world, vault=vault, value=value, nonce=nonce, **prices)


def _to_itself(world: World, vault: str, nonce: int, price: int = 1) -> UnsignedTx:
    """A payment of nothing from an address to itself, which is how a nonce is called off."""
    own = world.owned(ETHEREUM, vault).address
    prices: dict[str, Any] = {"fee_per_gas_max": price, "priority_fee": price}
    return evm(world, vault=vault, to=own, value=0, nonce=nonce, **prices)


# Cancels


def cancel_of_nothing(world: World) -> str:
    """Nothing was signed: it would be a fee that nobody agreed to."""
    mandate = world.mandate(ETHEREUM, (_wei(AMOUNT),))
    return world.word(call_off(mandate, tx=_to_itself(world, "main", world.fresh())))


def cancel_of_an_offer(world: World) -> str:
    """Higher bounds that were offered and that nothing was signed for."""
    nonce, mandate = _signed(world)
    offered = changed(mandate, version=2, fee_max=10**17)
    return world.word(call_off(offered, tx=_to_itself(world, "main", nonce, 2)))


def cancel_elsewhere(world: World) -> str:
    """Each with another nonce: all of them confirm, and each pays its fee."""
    nonce, mandate = _signed(world)
    world.must_sign(call_off(mandate, tx=_to_itself(world, "main", nonce, 2)))
    return world.word(call_off(mandate, tx=_to_itself(world, "main", nonce + 1, 2)))


def cancel_that_costs_more(world: World) -> str:
    nonce, mandate = _signed(world)
    return world.word(call_off(mandate, tx=_to_itself(world, "main", nonce, 10**13)))


def cancel_that_pays(world: World) -> str:
    """It takes the nonce of what it cancels, and pays the thief."""
    nonce, mandate = _signed(world)
    return world.word(call_off(mandate, tx=evm(world, to=THIEF_EVM, value=1, nonce=nonce)))


def cancel_of_a_partner(world: World) -> str:
    """The second of two was never signed for, so the coin that the cancel spends is not bound."""
    first, second = transfers(world, 2)
    one = world.fresh()
    world.must_sign(pay(*agreed(first), tx=coins(world, one, pays=together(first))))
    tx = Coins(world, salts=(one, world.fresh())).tx(pay_nobody)
    return world.word(call_off(first, second, tx=tx))


def pay_nobody(maps: list[PsbtMap]) -> None:
    """What was to be paid returns with the change."""
    outputs = parse_transaction(maps[0][UNSIGNED_TX]).outputs
    paid = next(at for at, out in enumerate(outputs) if out.amount % AMOUNT == 0)
    kept = tuple(
        replace(out, amount=out.amount + outputs[paid].amount)
        for at, out in enumerate(outputs)
        if at != paid
    )
    del maps[len(maps) - len(outputs) + paid]
    edit_transaction(lambda tx: replace(tx, outputs=kept))(maps)


def _signed(world: World) -> tuple[int, Mandate]:
    """A transfer that was signed for, and its nonce."""
    nonce = world.fresh()
    mandate = world.mandate(ETHEREUM, (_wei(AMOUNT),), fee_max=210_000)
    world.must_sign(approved(mandate, evm(world, nonce=nonce)))
    return nonce, mandate


# Versions and what they rest on


def old_approval_of_a_new_version(world: World) -> str:
    """Version 2 may cost more; the approvals are of version 1."""
    nonce, mandate = _signed(world)
    dearer = changed(mandate, version=2, fee_max=10**17)
    tx = evm(world, nonce=nonce, fee_per_gas_max=2)
    return world.word(approved_by(dearer, tx, approvals(mandate)))


def another_core(world: World) -> str:
    """Approved anew, and the nonce is shared; but it is another transfer by the same name."""
    nonce, mandate = _signed(world)
    other = changed(mandate, version=2, initiator="api-eve")
    return world.word(approved(other, evm(world, nonce=nonce, fee_per_gas_max=2)))


def basis_of_another_rule(world: World) -> str:
    """It rests on the rule of another vault, which fewer people have to agree to."""
    mandate = world.mandate(ETHEREUM, (_wei(AMOUNT),))
    easier = changed(mandate, vault="joint")
    policy = world.policy()
    assert policy is not None
    mandate = replace(mandate, basis=basis_of(policy, easier.core))
    return world.word(approved(mandate, evm(world, nonce=world.fresh())))


def memo_left_out(world: World) -> str:
    """At a shared account the memo says whose money it is."""
    to = replace(_wei(AMOUNT), memo="4711")
    mandate = world.mandate(ETHEREUM, (to,))
    return world.word(approved(mandate, evm(world, nonce=world.fresh())))


# Effects that no rule names


_ACCOUNT = Address("0x4444444444444444444444444444444444444444")
EFFECTS: dict[Action, Effect] = {
    Action.ALLOW: Allow(THIEF_EVM, next(iter(listed().tokens)), None, None),
    Action.CALL: Call(Address(ROUTER_ROW["address"]), "deposit()", (), 7),
    Action.SIGN: Sign("eip191", "thief.example", b"all that I have"),
    Action.DELEGATE: Delegate(_ACCOUNT, THIEF_EVM, "eip155:31337", 0),
}


TO_SUPPLIER = payment(ETHEREUM, SUPPLIER, AMOUNT)
SAID_OF = {
    action: "denied/denied-by-rule" if action is Action.SIGN else "denied/no-rule"
    for action in EFFECTS
}
"""Where nobody can tell who is paid, a rule that denies a destination denies."""


def in_a_mandate(action: Action) -> Perform:
    """The mandate speaks of more than a payment, beside the payment that the bytes make."""

    def perform(world: World) -> str:
        effects = (_wei(AMOUNT), EFFECTS[action])
        mandate = world.mandate(ETHEREUM, effects)
        return world.word(approved(mandate, evm(world, nonce=world.fresh())))

    return perform


def considered(*effects: Effect, called: Action | None = None) -> Perform:
    """Asked without a transaction, so that nothing but the policy can say no. `called`: the action
    that the mandate claims to be."""

    def perform(world: World) -> str:
        action = called or action_of(effects[-1])
        mandate = world.mandate(ETHEREUM, effects, action=action)
        consent = Consent(mandate, approvals(mandate))
        (row,) = world.call("consider", consents=[consent.to_json()])
        opinion = parse_opinion(row)
        return "accepted" if "agreed" in row else outcome_word(opinion)

    return perform
