"""Payments that a vault signs for anybody to submit (EIP-3009), and what is asked for beside and
instead of them. Each begins with the honest one, which is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from chains.effects import Call
from chains.evm import carrying, erc20, permits
from chains.evm.permits import Authorization, Domain, Kind, Permit, Typed
from chains.model import UnsignedTx
from signer.wire import Action, SignRequest
from tests.hostile.lies import Perform
from tests.hostile.transactions import AMOUNT, ETHEREUM, THIEF_EVM, evm
from tests.hostile.world import SUPPLIER, World, approved, listed, mandate_in, payment

_NETWORK: Final = listed()
_TOKEN: Final = next(iter(_NETWORK.tokens.values()))
_CONTRACT: Final = erc20.contract_of(_NETWORK.id, _TOKEN.id)
Bend = Callable[[Typed], Typed]


def _domain() -> Domain:
    found = permits.domain_of(_NETWORK, _TOKEN)
    assert found is not None
    return found


def saying(**changes: Any) -> Bend:
    def bend(typed: Typed) -> Typed:
        assert isinstance(typed.said, Authorization)
        return replace(typed, said=replace(typed.said, **changes))

    return bend


def lasting(seconds: int) -> Bend:
    """So much longer."""

    def bend(typed: Typed) -> Typed:
        assert isinstance(typed.said, Authorization)
        return replace(typed, said=replace(typed.said, before=typed.said.before + seconds))

    return bend


def in_domain(**changes: Any) -> Bend:
    return lambda typed: replace(typed, domain=replace(typed.domain, **changes))


def permitting(typed: Typed) -> Typed:
    assert isinstance(typed.said, Authorization)
    said = Permit(typed.signer, THIEF_EVM, AMOUNT, 0, typed.said.before)
    return Typed(Kind.PERMIT, typed.domain, said)


def paying(world: World, bend: Bend | None = None) -> SignRequest:
    """An approved payment of the token, and what the vault signs for it."""
    effect = payment(ETHEREUM, SUPPLIER, AMOUNT, _TOKEN.id)
    mandate = world.mandate(ETHEREUM, (effect,))
    payer = world.owned(ETHEREUM).address
    before = int(world.now().timestamp()) + 1800
    number = world.fresh().to_bytes(32, "big")
    said = Authorization(payer, SUPPLIER, AMOUNT, 0, before, number)
    return _with(approved(mandate, evm(world)), Typed(Kind.TRANSFER, _domain(), said), bend)


def _with(request: SignRequest, typed: Typed, bend: Bend | None) -> SignRequest:
    typed = typed if bend is None else bend(typed)
    payer = mandate_in(request).core.source_address
    return replace(request, tx=UnsignedTx(_NETWORK.id, typed.payload, payer))


def lie(bend: Bend) -> Perform:
    def perform(world: World) -> str:
        world.must_sign(paying(world))
        return world.word(paying(world, bend))

    return perform


def again(bend: Bend) -> Perform:
    """For a transfer that has one already."""

    def perform(world: World) -> str:
        first = paying(world)
        world.must_sign(first)
        return world.word(_with(first, permits.parse(first.tx.payload), bend))

    return perform


def _ordinary(world: World) -> UnsignedTx:
    data = erc20.transfer(SUPPLIER, AMOUNT)
    fields: dict[str, Any] = {"to": _CONTRACT, "value": 0, "gas": 120_000, "data": data}
    return evm(world, nonce=world.fresh(), **fields)


def ordinary_after(world: World) -> str:
    first = paying(world)
    world.must_sign(first)
    return world.word(replace(first, tx=_ordinary(world)))


def after_ordinary(world: World) -> str:
    second = paying(world)
    world.must_sign(replace(second, tx=_ordinary(world)))
    return world.word(second)


def carried_by_its_payer(world: World) -> str:
    """Money would leave by the name of a call, and no window of its asset knew it."""
    signed = paying(world)
    receipt = world.must_sign(signed)
    typed = permits.parse(signed.tx.payload)
    (signature,) = receipt.signatures
    call: Call = carrying.words(typed, signature.signature)
    mandate = world.mandate(ETHEREUM, (call,), action=Action.CALL)
    data = permits.call(typed, signature.signature)
    fields: dict[str, Any] = {"to": _CONTRACT, "value": 0, "gas": 120_000, "data": data}
    return world.word(approved(mandate, evm(world, nonce=world.fresh(), **fields)))
