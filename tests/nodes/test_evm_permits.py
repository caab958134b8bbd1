"""Typed data of tokens against Circle's own contract on a real EVM: what its holder signs, a
stranger submits. The oracle is what the contract then did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.devnet.evm import AnvilNode
from chains.evm import address, permits
from chains.evm.adapter import EvmAdapter
from chains.evm.permits import Authorization, Domain, Kind, Permit, Typed
from chains.hashes import keccak256
from chains.model import Address, InternalCredits, TxId
from tests.support.evm_tokens import Token, call, openzeppelin, outside, usdc
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

PAYEE = Address("0x3535353535353535353535353535353535353535")
KEY = PrivateKey(b"\x46" * 32)
HOLDER = address.derive(KEY.public_key.format())
USED = "0x" + keccak256(b"AuthorizationUsed(address,bytes32)").hex()
NONCE = bytes(31) + b"\7"


@dataclass
class Place:
    """A chain with USDC on it, of which `HOLDER` has 5,000 and no coin."""

    network: Any
    node: AnvilNode
    token: Token

    @property
    def domain(self) -> Domain:
        found = permits.domain_of(self.token.listed_on, self.token.asset)
        assert found is not None
        return found

    async def now(self) -> int:
        block = await self.node.ask("eth_getBlockByNumber", "latest", False)
        return int(block["timestamp"], 16)

    async def pays(self, **changes: Any) -> Typed:
        plain = Authorization(HOLDER, PAYEE, 1_200, 0, await self.now() + 600, NONCE)
        return Typed(Kind.TRANSFER, self.domain, replace(plain, **changes))

    async def submit(self, data: bytes) -> tuple[TxId, bool]:
        """By the outside wallet."""
        txid = await self.node.send(self.token.contract, 0, data, 300_000)
        await self.node.mine()
        receipt = await self.node.ask("eth_getTransactionReceipt", txid)
        return txid, receipt["status"] == "0x1"

    async def ask(self, data: bytes) -> int:
        asked = {"to": self.token.contract, "data": "0x" + data.hex()}
        return int(await self.node.ask("eth_call", asked, "latest"), 16)


@pytest_asyncio.fixture(params=["ethereum-local", "bsc-local"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    network = find_network(request.param)
    node = AnvilNode(network, tmp_path)
    await node.start()
    try:
        opened = Place(network, node, None)  # type: ignore[arg-type]
        opened.token = await usdc(opened)
        await opened.token.give(HOLDER, 5_000)
        yield opened
    finally:
        await node.stop()


def called(typed: Typed) -> bytes:
    return permits.call(typed, KEY.sign_recoverable(typed.digest, hasher=None))


async def test_a_stranger_submits_what_a_holder_without_a_coin_signed(place: Place) -> None:
    typed = await place.pays()
    assert permits.unexplained(place.token.listed_on, typed) == ()
    assert await place.ask(call("authorizationState(address,bytes32)", HOLDER, NONCE)) == 0
    txid, done = await place.submit(called(typed))
    assert done
    assert (await place.token.has(HOLDER), await place.token.has(PAYEE)) == (3_800, 1_200)
    assert int(await place.node.ask("eth_getBalance", HOLDER, "latest"), 16) == 0
    assert int(await place.node.ask("eth_getTransactionCount", HOLDER, "latest"), 16) == 0
    # What a follower will go by: the log names payer and nonce, in whoever's transaction.
    logs = (await place.node.ask("eth_getTransactionReceipt", txid))["logs"]
    (used,) = [each for each in logs if each["topics"][0] == USED]
    assert int(used["topics"][1], 16) == int(HOLDER, 16)
    assert used["topics"][2] == "0x" + NONCE.hex()
    assert await place.ask(call("authorizationState(address,bytes32)", HOLDER, NONCE)) == 1


@pytest.mark.parametrize("tracing", [True, False])
async def test_a_block_names_payer_and_nonce(place: Place, tracing: bool) -> None:
    """Read from logs beside traces, and from receipts where the node traces nothing."""
    typed = await place.pays()
    txid, done = await place.submit(called(typed))
    assert done
    receipt = await place.node.ask("eth_getTransactionReceipt", txid)
    adapter = EvmAdapter(place.token.listed_on, place.node.url)
    if not tracing:
        adapter._blocks.internal = InternalCredits.UNSEEN
    try:
        block = await adapter.block(int(receipt["blockNumber"], 16))
        empty = await adapter.block(int(receipt["blockNumber"], 16) - 1)
    finally:
        await adapter.close()
    key = permits.key(place.network.id, place.token.contract, HOLDER, NONCE)
    assert block.consumed[key.text] == txid
    assert key.text not in empty.consumed
    asset = place.token.asset.id
    moved = {(each.address, each.units) for each in block.movements if each.asset == asset}
    assert moved == {(HOLDER, -1_200), (PAYEE, 1_200)}


async def test_a_nonce_is_used_once_whatever_else_was_signed_with_it(place: Place) -> None:
    first, other = await place.pays(), await place.pays(units=1_300)
    assert (await place.submit(called(first)))[1]
    for again in (first, other):
        assert not (await place.submit(called(again)))[1]
    assert (await place.token.has(HOLDER), await place.token.has(PAYEE)) == (3_800, 1_200)


async def test_it_is_good_until_the_second_before_its_end(place: Place) -> None:
    """Later than validAfter, earlier than validBefore, by the time of the block that has it."""
    now = await place.now()
    typed = await place.pays(before=now + 100)
    data = called(typed)
    await place.node.ask("evm_setNextBlockTimestamp", now + 100)
    assert not (await place.submit(data))[1]
    assert await place.token.has(PAYEE) == 0
    last = await place.pays(before=now + 202)
    await place.node.ask("evm_setNextBlockTimestamp", now + 201)
    assert (await place.submit(called(last)))[1]


async def test_another_domain_is_anothers_word(place: Place) -> None:
    typed = await place.pays()
    for changes in ({"name": "USDC"}, {"version": "1"}, {"chain_id": 1}, {"contract": PAYEE}):
        bent = replace(typed, domain=replace(typed.domain, **changes))
        assert not (await place.submit(called(bent)))[1], changes
    assert await place.token.has(HOLDER) == 5_000


async def test_a_permit_is_an_allowance_without_an_end(place: Place) -> None:
    mine, now = await outside(place), await place.now()
    typed = Typed(Kind.PERMIT, place.domain, Permit(HOLDER, mine, 700, 0, now + 600))
    assert (await place.submit(called(typed)))[1]
    assert not (await place.submit(called(typed)))[1]
    await place.node.ask("evm_increaseTime", 10_000)
    taken = call("transferFrom(address,address,uint256)", HOLDER, PAYEE, 700)
    assert (await place.submit(taken))[1]
    assert await place.token.has(PAYEE) == 700


async def test_a_contract_without_proof_of_its_domain_has_no_trait(place: Place) -> None:
    """OpenZeppelin's has no permit here."""
    adapter = EvmAdapter(place.network, place.node.url)
    try:
        _, word = await adapter.describe(place.token.contract)
        assert word.domain == ("USD Coin", "2")
        assert {"eip-3009", "eip-2612"} <= word.traits
        _, word = await adapter.describe((await openzeppelin(place)).contract)
        assert (word.domain, word.traits) == (None, frozenset({"pausable"}))
    finally:
        await adapter.close()
