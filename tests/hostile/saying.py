"""Messages: texts, logins and typed data, and what is asked for beside and instead of them. Each
begins with the honest one, which is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from chains.effects import Allow, Effect, Sign
from chains.messages.model import ANYBODY, Kind, Message
from chains.model import Address, UnsignedTx
from signer.wire import Action, Mandate, Purpose, SignRequest
from tests.hostile import apart
from tests.hostile.lies import Perform
from tests.hostile.transactions import ETHEREUM, THIEF_EVM, evm
from tests.hostile.world import PERMIT_MOST, World, approved, listed
from tests.support import messages as said

_NETWORK: Final = listed()
_TOKEN: Final = next(iter(_NETWORK.tokens))
_VAULT: Final = "speaker"
_PART: Final = 2 * PERMIT_MOST // 3
"""Two of them are more than the window holds."""
TEXT: Final = "my word"
Given = Callable[[World], tuple[Kind, bytes, Effect]]
"""A message's content, and what it is agreed to as."""


def bytes_of(world: World, mandate: Mandate, kind: Kind, content: bytes) -> UnsignedTx:
    payload = Message(kind, mandate.core.transfer.replace(" ", "-"), content).payload
    return UnsignedTx(_NETWORK.id, payload, world.owned(ETHEREUM, mandate.core.vault).address)


def agreeing(world: World, effect: Effect, vault: str = _VAULT, **changes: Any) -> Mandate:
    action = Action.SIGN if isinstance(effect, Sign) else Action.ALLOW
    plain: dict[str, Any] = {"action": action, "costs_max": {}}
    return world.mandate(ETHEREUM, (effect,), vault=vault, **plain | changes)


def asking(
    world: World, mandate: Mandate, kind: Kind, content: bytes, **changes: Any
) -> SignRequest:
    request = approved(mandate, bytes_of(world, mandate, kind, content))
    return replace(request, **{"purpose": Purpose.MESSAGE, **changes})


def as_text(text: str | bytes, kind: Kind = Kind.EIP191, domain: str = ANYBODY) -> Given:
    content = text.encode() if isinstance(text, str) else text
    return lambda _: (kind, content, Sign(kind.value, domain, content))


def as_login(domain: str, kind: Kind = Kind.SIWE, named: str | None = None) -> Given:
    def given(world: World) -> tuple[Kind, bytes, Effect]:
        text = said.siwe(world.owned(ETHEREUM, _VAULT).address, domain)
        return as_text(text, kind, named or domain)(world)

    return given


def as_typed(document: dict[str, Any], edit: Callable[[bytes], bytes] = bytes) -> Given:
    contract = document["domain"]["verifyingContract"]
    domain, content = f"{contract}/{document['primaryType']}", edit(said.spelled(document))
    return lambda _: (Kind.EIP712, content, Sign(Kind.EIP712.value, domain, content))


def permit(
    world: World, units: int = 1, *, later: int = 600, agreed: int | None = None, **more: Any
) -> tuple[Kind, bytes, Allow]:
    """`agreed`: to how much, where it is another amount."""
    owner, deadline = world.owned(ETHEREUM, _VAULT).address, int(world.now().timestamp()) + later
    content = said.spelled(said.permit(owner, deadline, units, said=more))
    return Kind.EIP712, content, Allow(Address(said.SPENDER), _TOKEN, agreed or units, None)


def permitting(**changes: Any) -> Given:
    return lambda world: permit(world, **changes)


def honest(world: World) -> SignRequest:
    kind, content, effect = as_text(TEXT)(world)
    request = asking(world, agreeing(world, effect), kind, content)
    world.must_sign(request)
    return request


def lie(given: Given) -> Perform:
    """Agreed to and asked for."""

    def perform(world: World) -> str:
        honest(world)
        kind, content, effect = given(world)
        return world.word(asking(world, agreeing(world, effect), kind, content))

    return perform


def instead(given: Given) -> Perform:
    """Agreed is the honest text."""

    def perform(world: World) -> str:
        honest(world)
        kind, content, _ = given(world)
        _, _, effect = as_text(TEXT)(world)
        return world.word(asking(world, agreeing(world, effect), kind, content))

    return perform


def called_a_message(world: World) -> str:
    """A permit, agreed to as typed data for its contract."""
    honest(world)
    kind, content, _ = permit(world)
    effect = Sign(Kind.EIP712.value, f"{said.TOKEN}/Permit", content)
    return world.word(asking(world, agreeing(world, effect), kind, content))


def transaction_as_message(world: World) -> str:
    asked = honest(world)
    return world.word(replace(asked, tx=evm(world, vault=_VAULT, nonce=world.fresh())))


def message_as_transaction(world: World) -> str:
    honest(world)
    kind, content, effect = as_text(TEXT)(world)
    mandate = agreeing(world, effect)
    return world.word(asking(world, mandate, kind, content, purpose=Purpose.PAY))


def by_another_vault(world: World) -> str:
    """The other's address signs."""
    asked = honest(world)
    kind, content, effect = as_text(TEXT)(world)
    mandate = agreeing(world, effect)
    foreign = world.owned(ETHEREUM, "main").address
    return world.word(
        replace(asking(world, mandate, kind, content), tx=replace(asked.tx, sender=foreign))
    )


def under_a_rule_for_payments(world: World) -> str:
    honest(world)
    kind, content, effect = as_text(TEXT)(world)
    return world.word(asking(world, agreeing(world, effect, vault="listed"), kind, content))


def again(world: World) -> str:
    """The same words with the holder's next number, for the same transfer."""
    kind, content, effect = permit(world)
    mandate = agreeing(world, effect)
    world.must_sign(asking(world, mandate, kind, content))
    return world.word(asking(world, mandate, kind, permit(world, nonce=1)[1]))


def for_two(world: World) -> str:
    """The same permit, for another transfer too."""
    kind, content, effect = permit(world, later=601)
    world.must_sign(asking(world, agreeing(world, effect), kind, content))
    return world.word(asking(world, agreeing(world, effect), kind, content))


def window_split(world: World) -> str:
    first, second = (
        asking(world, agreeing(world, effect), kind, content)
        for kind, content, effect in (permit(world, _PART, later=each) for each in (700, 701))
    )
    world.must_sign(first)
    return world.word(second)


def payment_as_message(world: World) -> str:
    """Signed as what it is, and then once more under the other name."""
    first = apart.paying(world)
    world.must_sign(first)
    (consent,) = first.consents
    tx = bytes_of(world, consent.mandate, Kind.EIP712, first.tx.payload)
    return world.word(replace(first, purpose=Purpose.MESSAGE, tx=tx))


FOREIGN: Final = said.mail(chainId=1)
ELSEWHERE: Final = said.mail(verifyingContract=THIEF_EVM)
