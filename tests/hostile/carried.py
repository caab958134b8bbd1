"""Calls that submit a payment which a stranger signed, and what is asked for beside and instead of
them. Each begins with the honest one, which is signed."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from coincurve import PrivateKey

from chains.effects import Call, Effect
from chains.evm import address, carrying, erc20, permits
from chains.evm.permits import Authorization, Kind, Typed
from signer.wire import Action, SignRequest
from tests.hostile.lies import Perform
from tests.hostile.transactions import AMOUNT, ETHEREUM, evm
from tests.hostile.world import SUPPLIER, World, approved, listed, payment

_HOLDER: Final = PrivateKey(sha256(b"holder").digest())
_PAYER: Final = address.derive(_HOLDER.public_key.format())
_NETWORK: Final = listed()
_TOKEN: Final = next(iter(_NETWORK.tokens.values()))
_CONTRACT: Final = erc20.contract_of(_NETWORK.id, _TOKEN.id)


def _signed(units: int = AMOUNT) -> tuple[Call, bytes]:
    """Words and calldata of a payment by the holder to the supplier."""
    typed = _payment(units, Kind.TRANSFER)
    signature = _sign(typed)
    return carrying.words(typed, signature), permits.call(typed, signature)


def _payment(units: int, kind: Kind) -> Typed:
    domain = permits.domain_of(_NETWORK, _TOKEN)
    assert domain is not None
    said = Authorization(_PAYER, SUPPLIER, units, 0, 4_000_000_000, bytes(31) + b"\7")
    return Typed(kind, domain, said)


def _sign(typed: Typed) -> bytes:
    return _HOLDER.sign_recoverable(typed.digest, hasher=None)


def _received() -> tuple[Call, bytes]:
    """Signed for its payee alone to submit, as its contract would take it from him."""
    function = replace(permits.SUBMITTED, name="receiveWithAuthorization")
    signature = _sign(_payment(AMOUNT, Kind.RECEIVE))
    ends = (27 + signature[64]).to_bytes(32, "big") + signature[:64]
    call = replace(AGREED, function=function.signature)
    return call, function.selector + DATA[4 : -len(ends)] + ends


AGREED, DATA = _signed()
OTHER, OTHER_DATA = _signed(AMOUNT + 1)
RECEIVED, RECEIVED_DATA = _received()
PAID: Final = payment(ETHEREUM, SUPPLIER, AMOUNT, _TOKEN.id)
LONGER: Final = replace(
    AGREED, arguments=tuple((dict(AGREED.arguments) | {"validBefore": "4000000001"}).items())
)


def calling(
    world: World, effect: Effect = AGREED, data: bytes = DATA, **changes: Any
) -> SignRequest:
    """Agreed to as `effect`, by an approved mandate, and in bytes as `data`."""
    vault = changes.pop("vault", "house")
    action = Action.CALL if isinstance(effect, Call) else Action.TRANSFER
    mandate = world.mandate(ETHEREUM, (effect,), vault=vault, action=action)
    plain = {"to": _CONTRACT, "value": 0, "gas": 120_000, "data": data, "nonce": world.fresh()}
    return approved(mandate, evm(world, vault=vault, **{**plain, **changes}))


def carrier(effect: Effect = AGREED, data: bytes = DATA, **changes: Any) -> Perform:
    def perform(world: World) -> str:
        world.must_sign(calling(world))
        return world.word(calling(world, effect, data, **changes))

    return perform


def twice(world: World) -> str:
    """The mandate of one, with another number of its account."""
    first = calling(world)
    world.must_sign(first)
    return world.word(replace(first, tx=calling(world).tx))
