"""Calls of a contract that the policy describes, and allowances, and what is asked for beside and
instead of them. Each begins with the honest one, which is signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from eth_abi.abi import encode

from chains.contracts.calling import Calling
from chains.effects import Allow, Asked, Call, Pay
from chains.evm import erc20
from chains.evm.calling import calling_of
from chains.hashes import keccak256
from chains.model import Address
from signer.wire import Action, SignRequest
from tests.hostile.lies import Perform
from tests.hostile.transactions import ETHEREUM, THIEF_EVM, evm
from tests.hostile.world import ROUTER_ROW, RULING, VERSION, World, approved, listed, policy
from tests.support.rows import DEPOSIT, abi
from tests.support.signer import sign_policy

NETWORK: Final = listed()
TOKEN: Final = next(iter(NETWORK.tokens))
ROUTER: Final = Address(ROUTER_ROW["address"])
CALLING: Final[Calling] = calling_of(NETWORK)
WITHOUT_END: Final = Allow(ROUTER, TOKEN, None, None)
ALLOWED: Final = Allow(ROUTER, TOKEN, 5, None)


def swap(world: World, **changes: Any) -> Call:
    """At the worst price that the rule lets pass, for a minute."""
    said: dict[str, Any] = {
        "amountIn": "1000",
        "amountOutMin": "990",
        "path": [erc20.contract_of(NETWORK.id, TOKEN), ROUTER],
        "to": world.owned(ETHEREUM, "desk").address,
        "deadline": str(int(world.now().timestamp()) + 60),
    }
    found = CALLING.call_of(ROUTER, "swapExactTokensForTokens", said | changes, 0)
    assert isinstance(found, Call)
    return found


def asking(world: World, effect: Asked, data: bytes | None = None, **changes: Any) -> SignRequest:
    """Agreed to as `effect`, in the bytes that follow from it but for `data` and `changes`."""
    action = {Call: Action.CALL, Allow: Action.ALLOW, Pay: Action.TRANSFER}[type(effect)]
    mandate = world.mandate(ETHEREUM, (effect,), vault="desk", action=action)
    if data is None:
        called = CALLING.of(effect, None)
        changes = {"to": called.to, "value": called.value, **changes}
        data = called.data
    plain = {"to": ROUTER, "value": 0, "gas": 300_000, "data": data, "nonce": world.fresh()}
    return approved(mandate, evm(world, vault="desk", **{**plain, **changes}))


def honest(world: World) -> bytes:
    """Signs a swap, and gives its calldata."""
    call = swap(world)
    world.must_sign(asking(world, call))
    return CALLING.of(call, None).data


def bent(edit: Any, **changes: Any) -> Perform:
    """The agreed words, and calldata that `edit` has made of theirs."""

    def perform(world: World) -> str:
        honest(world)
        call = swap(world)
        return world.word(asking(world, call, edit(CALLING.of(call, None).data), **changes))

    return perform


def saying(**changes: Any) -> Perform:
    """Another argument, in the words and in the bytes alike. `later`: seconds from now that its
    deadline is."""

    def perform(world: World) -> str:
        honest(world)
        said = dict(changes)
        if "later" in said:
            said["deadline"] = str(int(world.now().timestamp()) + said.pop("later"))
        return world.word(asking(world, swap(world, **said)))

    return perform


def instead(**changes: Any) -> Perform:
    """The agreed words, and the bytes of a call with another argument."""

    def perform(world: World) -> str:
        honest(world)
        call = swap(world)
        return world.word(asking(world, call, CALLING.of(swap(world, **changes), None).data))

    return perform


def taking_nothing(world: World) -> str:
    """What it takes is left out of the mandate, where windows look."""
    honest(world)
    call = swap(world)
    return world.word(asking(world, replace(call, moves=()), CALLING.of(call, None).data))


def unlisted(world: World) -> str:
    """The token that it takes is one that nobody listed."""
    honest(world)
    call = swap(world)
    token = erc20.contract_of(NETWORK.id, TOKEN)
    good, data = bytes.fromhex(token[2:]), CALLING.of(call, None).data
    return world.word(asking(world, call, data.replace(good, bytes.fromhex(THIEF_EVM[2:]))))


def _several(*datas: bytes) -> bytes:
    """Of a multicall, by an encoder that is not ours."""
    return keccak256(b"multicall(bytes[])")[:4] + encode(["bytes[]"], [list(datas)])


def handed_on(edit: Any, *, agreed: bool = False, **said: Any) -> Perform:
    """A swap within a multicall, and one whose calldata `edit` has made. `agreed`: to that one, and
    not to the first."""

    def perform(world: World) -> str:
        sender = world.owned(ETHEREUM, "desk").address

        def words(data: bytes) -> Asked:
            (found,) = CALLING.understood(sender, ROUTER, data, 0)
            return found

        good = _several(CALLING.of(swap(world), None).data)
        world.must_sign(asking(world, words(good)))
        made = _several(edit(CALLING.of(swap(world, **said), None).data))
        return world.word(asking(world, words(made if agreed else good), made))

    return perform


def coins(world: World) -> str:
    """More coins than the rule lets go with what takes some."""
    deposit = CALLING.call_of(ROUTER, "deposit", {}, 1000)
    world.must_sign(asking(world, deposit))
    return world.word(asking(world, CALLING.call_of(ROUTER, "deposit", {}, 1001)))


def allowing(effect: Allow, edit: Any = None) -> Perform:
    def perform(world: World) -> str:
        world.must_sign(asking(world, ALLOWED))
        data = None if edit is None else edit(CALLING.of(effect, None).data)
        to = {} if edit is None else {"to": erc20.contract_of(NETWORK.id, TOKEN)}
        return world.word(asking(world, effect, data, **to))

    return perform


def _publishing(world: World, row: dict[str, Any]) -> str:
    document = policy(VERSION + 1, world.now(), contracts=[row])
    return world.publish(sign_policy(document, RULING))


def clash(world: World) -> str:
    """Two functions that hash to the same four bytes."""
    fragments = [
        abi("collate_propagate_storage", ("x", "bytes16")),
        abi("burn", ("x", "uint256")),
    ]
    functions = [*ROUTER_ROW["functions"], *({"abi": each} for each in fragments)]
    return _publishing(world, {**ROUTER_ROW, "functions": functions})


def renamed_transfer(world: World) -> str:
    """So that the payee would be shown as something else."""
    fragment = abi("transfer", ("reference", "address"), ("number", "uint256"))
    functions = [*ROUTER_ROW["functions"], {"abi": fragment}]
    return _publishing(world, {**ROUTER_ROW, "functions": functions})


def undescribed_rule(world: World) -> str:
    """The rule stays, and the description of what it names goes."""
    return _publishing(world, {**ROUTER_ROW, "functions": [{"abi": DEPOSIT}]})
