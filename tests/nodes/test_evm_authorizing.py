"""What is asked before a payment is signed apart, of Circle's contract on a real EVM: each thing
that would make the signature worthless, or worth something twice, is refused by its code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.devnet.evm import AnvilNode
from chains.effects import Pay
from chains.errors import ChainError
from chains.evm import ADDRESS_TYPE, address, authorizing, permits
from chains.evm.adapter import EvmAdapter
from chains.evm.permits import Typed
from chains.model import Address, OwnedAddress, UnsignedTx
from chains.networks import Network
from chains.transaction import Apart, TransferIntent
from tests.support.evm_tokens import Token, usdc
from tests.support.networks import find_network

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]

PAYEE = Address("0x3535353535353535353535353535353535353535")
KEY = PrivateKey(b"\x47" * 32)
HOLDER = address.derive(KEY.public_key.format())
OWNED = OwnedAddress(HOLDER, ADDRESS_TYPE, "m/0", KEY.public_key.format())
NUMBER = bytes(31) + b"\7"
HAS = 5_000


@dataclass
class Place:
    network: Network
    node: AnvilNode
    token: Token

    def intent(self, units: int = 1_200, number: bytes = NUMBER) -> TransferIntent:
        paid = (Pay(PAYEE, self.token.asset.id, units),)
        plain = TransferIntent(self.network.id, paid, {}, OWNED, apart=Apart(number))
        return replace(plain, claim=authorizing.claim(self.token.listed_on, plain))

    async def prepare(
        self, intent: TransferIntent, listed: Network | None = None
    ) -> UnsignedTx | ChainError:
        adapter = EvmAdapter(listed or self.token.listed_on, self.node.url)
        try:
            (answer,) = await adapter.prepare([intent])
        finally:
            await adapter.close()
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    network = find_network("ethereum-local")
    with TemporaryDirectory(prefix="authorizing-") as folder:
        node = AnvilNode(network, Path(folder))
        await node.start()
        try:
            made = Place(network, node, None)  # type: ignore[arg-type]
            made.token = await usdc(made)
            await made.token.give(HOLDER, HAS)
            yield made
        finally:
            await node.stop()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def as_it_was(place: Place) -> AsyncIterator[None]:
    before = await place.node.ask("evm_snapshot")
    yield
    assert await place.node.ask("evm_revert", before)


def typed_of(place: Place, tx: UnsignedTx | ChainError) -> Typed:
    assert isinstance(tx, UnsignedTx), tx
    typed = permits.typed_of(place.token.listed_on, tx)
    assert typed is not None
    return typed


async def test_it_ends_by_the_chains_own_clock(place: Place) -> None:
    """Whatever ours says: the contract judges it by a block's time."""
    ahead = 10**7
    await place.node.ask("evm_increaseTime", ahead)
    await place.node.mine()
    block = await place.node.ask("eth_getBlockByNumber", "latest", False)
    said = typed_of(place, await place.prepare(place.intent())).said
    assert isinstance(said, permits.Authorization)
    assert said.before == int(block["timestamp"], 16) + authorizing.LIFETIME_S
    assert authorizing.LIFETIME_S < permits.LIFETIME_MAX_S
    assert (said.payer, said.payee, said.units) == (HOLDER, PAYEE, 1_200)
    assert (said.nonce, said.after) == (NUMBER, 0)


async def has_code(place: Place) -> TransferIntent:
    """FiatToken 2.2 asks it, and not the key."""
    await place.node.ask("anvil_setCode", HOLDER, "0xef0100" + "11" * 20)
    return place.intent()


async def has_too_little(place: Place) -> TransferIntent:
    return place.intent(HAS + 1)


async def was_paid_by(place: Place) -> TransferIntent:
    typed = typed_of(place, await place.prepare(place.intent()))
    data = permits.call(typed, KEY.sign_recoverable(typed.digest, hasher=None))
    await place.node.send(place.token.contract, 0, data, 300_000)
    await place.node.mine()
    assert await place.token.has(PAYEE) == 1_200
    return place.intent()


async def is_on_a_list(place: Place) -> TransferIntent:
    await place.token.freeze(HOLDER)
    return place.intent()


async def payee_is_on_a_list(place: Place) -> TransferIntent:
    await place.token.freeze(PAYEE)
    return place.intent()


async def is_paused(place: Place) -> TransferIntent:
    await place.token.pause()
    return place.intent()


async def claims_another_number(place: Place) -> TransferIntent:
    return replace(place.intent(), claim=place.intent(number=bytes(32)).claim)


Spoilt = Callable[[Place], Awaitable[TransferIntent]]
SPOILT: dict[Spoilt, str] = {
    has_code: "not_signed_apart",
    has_too_little: "insufficient_funds",
    was_paid_by: "build_error",
    is_on_a_list: "balance_frozen",
    payee_is_on_a_list: "payee_frozen",
    is_paused: "token_paused",
    claims_another_number: "claim_unusable",
}


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda each: each.__name__)
async def test_what_is_not_signed(place: Place, spoilt: Spoilt) -> None:
    intent = await spoilt(place)
    answer = await place.prepare(intent)
    assert isinstance(answer, ChainError) and answer.code == SPOILT[spoilt], answer


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("domain", ("USD Coin", "1"), "not_signed_apart"),
        ("domain", ("Coin", "2"), "not_signed_apart"),
        ("decimals", 18, "build_error"),
    ],
)
async def test_a_contract_that_is_not_what_was_listed(
    place: Place, field: str, value: Any, code: str
) -> None:
    """The separator is what the contract hashes: by another one it recovers a stranger."""
    listed, asset = place.token.listed_on, place.token.asset
    other = replace(listed, tokens={asset.id: replace(asset, **{field: value})})
    answer = await place.prepare(place.intent(), other)
    assert isinstance(answer, ChainError) and answer.code == code, answer
