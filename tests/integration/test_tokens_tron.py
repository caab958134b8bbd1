"""Custody and the signer with TRC-20 on the local TRON chain: what comes in, what goes out, what
goes wrong. At the end of each case the ledger is what the chain says, of the token and of TRX.

The contracts: a dollar with the habits of the one that TRON moves most, and the demo's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from coincurve import PrivateKey
from embit.bip32 import HDKey

from chains.costs import CostKind
from chains.devnet.tron_server import faucet, wire
from chains.tron.address import from_public_key, to_bytes, to_text
from custody.alarms.codes import AlarmCode
from signer.keystore import unlock
from signer.state import StateDirectory
from tests.support.oracle import Oracle
from tests.support.signer import PASSPHRASE
from tests.support.token_cases import (
    frozen_by_its_issuer,
    frozen_is_promised_to_nobody,
    moved_less_a_fee,
    paused_by_its_issuer,
    paused_is_promised_to_nobody,
    received_and_sent,
    refilled_less_a_fee,
    refused_by_name,
    reorganised,
    sent_whole,
    swept_less_a_fee,
    withheld_by_entries,
)
from tests.support.token_house import TokenHouse, Vault, opened
from tests.support.tron_tokens import Token, TronIssuer, by_tronweb, call

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

House = TokenHouse[TronIssuer]
OurVault = Vault[TronIssuer]
TRX = 10**6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened("tron-local", Path(folder), TronIssuer) as made:
            yield made


async def failed_in_its_block(
    vault: OurVault, token: Token, spoil: Callable[[], Awaitable[object]]
) -> int:
    """Signed while all was well, and sent when it no longer was. What it burned is gone, and
    nothing else. Sun for energy."""
    house, native = vault.house, vault.house.network.native.id
    node, coin = house.issuer.node, TronIssuer.coin
    await vault.receive(None, coin)
    await vault.receive(token, 50)
    payee = await node.outside_address()
    node._faults.refuse(busy)
    asked = await vault.ask(token.asset.id, 50, payee)

    async def is_signed() -> bool:
        return any(each["txid"] for each in (await vault.shown(asked))["transactions"])

    await house.until(is_signed, mining=False)
    await spoil()
    node.heal()
    done = await vault.until(asked, "failed")
    (tried,) = done["transactions"]
    assert tried["state"] == "reverted"
    costs = {kind: int(each["amount_base_units"]) for kind, each in tried["costs"].items()}
    assert (await vault.balance(native))["available"] == coin - sum(costs.values())
    assert (await vault.balance(token.asset.id))["available"] == 50
    assert await token.has(payee) == 0
    most = int(done["costs_max"][CostKind.ENERGY]["amount_base_units"])
    assert 0 < costs[CostKind.ENERGY] <= most
    return costs[CostKind.ENERGY]


async def busy(body: bytes) -> bytes | None:
    """The node takes no transactions."""
    if "transaction" not in json.loads(body or b"{}"):
        return None
    return json.dumps({"result": False, "code": "SERVER_BUSY", "message": ""}).encode()


async def reverted(vault: OurVault, token: Token) -> None:
    try:
        await failed_in_its_block(vault, token, token.pause)
    finally:
        await token.unpause()


async def moved_nothing(vault: OurVault, token: Token) -> None:
    """It says yes, logs nothing and does nothing."""
    try:
        await failed_in_its_block(vault, token, lambda: token.do("setLazy(bool)", True))
    finally:
        await token.do("setLazy(bool)", False)


async def out_of_energy(vault: OurVault, token: Token) -> None:
    """The contract became busier than the fee limit allows; the limit is lost, and no more."""
    node = vault.house.issuer.node
    try:
        lost = await failed_in_its_block(
            vault, token, lambda: node.make_busy(token.contract, 20_000)
        )
    finally:
        await node.make_busy(token.contract, 10_000)
    txid = (await vault.house.get("transfers", vault_id=vault.id))["items"][0]["transactions"][0]
    info = await node.info(txid["txid"])
    assert info["receipt"]["result"] == "OUT_OF_ENERGY"
    assert info["receipt"]["energy_fee"] == lost


async def arrives_less_a_fee(vault: OurVault, token: Token) -> None:
    await vault.receive(None, TronIssuer.coin)
    await token.do("setParams(uint256,uint256)", 10, 49)
    try:
        txid = await vault.receive(token, 10_000)
        (came,) = await vault.deposits(txid=txid)
        assert came["amount_base_units"] == "9990"
        payee = await vault.house.issuer.node.outside_address()
        await vault.until(await vault.ask(token.asset.id, 9_000, payee), "final")
        assert await token.has(payee) == 8_991
        assert (await vault.balance(token.asset.id))["available"] == 990
        assert await withheld_by_entries(vault, token) == [9]
    finally:
        await token.do("setParams(uint256,uint256)", 0, 0)


async def taken_by_an_allowance(vault: OurVault, token: Token) -> None:
    """Approved past custody, by whoever has the key too; then a stranger helps himself. Both are
    booked, and the vault stands still."""
    await vault.receive(None, TronIssuer.coin)
    await vault.receive(token, 100)
    node = vault.house.issuer.node
    stranger = to_text(faucet.ADDRESS)
    await acts(vault, token, call("approve(address,uint256)", stranger, 60))
    await node.mine()
    assert await token.has(vault.address) == 100
    payee = await node.outside_address()
    taken = await token.do(
        "transferFrom(address,address,uint256)", vault.address, payee, 60, mine=False
    )
    await vault.house.until(lambda: vault.debited(taken))
    assert await token.has(payee) == 60
    assert await token.has(vault.address) == 40 == await vault.ledger(token.asset.id)
    assert await vault.frozen() == AlarmCode.FOREIGN_DEBIT
    debits = (await vault.house.get("foreign-debits", vault_id=vault.id))["items"]
    taken_of_it = [each for each in debits if each["txid"] == taken]
    assert [each["amount_base_units"] for each in taken_of_it] == ["60"]
    assert [each["verdict"] for each in taken_of_it] == ["foreign"]


async def acts(vault: OurVault, token: Token, data: bytes) -> None:
    """The address's key is somebody else's too: he calls the token's contract. Not mined."""
    node = vault.house.issuer.node
    (own,) = (await vault.house.get(f"vaults/{vault.id}/addresses"))["items"]
    folder = Path(vault.house.environment["CUSTODY_SIGNER_SOCKET"]).parent
    contents = unlock(StateDirectory(folder / "state").keystore, bytearray(PASSPHRASE))
    key = PrivateKey(HDKey.from_seed(bytes(contents.seed)).derive(own["path"]).key.secret)
    assert from_public_key(key.public_key.format()) == vault.address
    solid = await node._ask("/walletsolidity/getblock")
    body = wire.Trigger(to_bytes(vault.address), to_bytes(token.contract), 0, data, 0)
    raw = wire.write(
        body,
        int(solid["block_header"]["raw_data"].get("number", 0)).to_bytes(8)[6:],
        bytes.fromhex(solid["blockID"])[8:16],
        int((await node._ask("/wallet/getblock"))["block_header"]["raw_data"]["timestamp"])
        + 60_000,
        1,
        50 * TRX,
    )
    signature = key.sign_recoverable(sha256(raw).digest(), hasher=None)
    signed = wire.data(1, raw) + wire.data(2, signature)
    answer = await node._ask("/wallet/broadcasthex", transaction=signed.hex())
    assert answer["result"], answer


async def paid_with_energy_of_others(vault: OurVault, token: Token) -> None:
    """Rented, say. TRX stays what it was but for the size."""
    node, native = vault.house.issuer.node, vault.house.network.native.id
    payee = await node.outside_address()
    await vault.receive(None, TronIssuer.coin)
    await vault.receive(token, 20)
    await node.delegate(vault.address, 5_000 * TRX)
    done = await vault.until(await vault.ask(token.asset.id, 20, payee), "final")
    (paid,) = done["transactions"]
    assert int(paid["costs"].get(CostKind.ENERGY, {}).get("amount_base_units", 0)) == 0
    assert (await vault.balance(native))["available"] >= TronIssuer.coin - TRX
    assert await token.has(payee) == 20


async def paid_by_tronweb(vault: OurVault, token: Token) -> None:
    """Built, signed and sent by TRON's own client, as it finds this node, and nothing of ours."""
    node = vault.house.issuer.node
    await vault.receive(None, TronIssuer.coin)
    key = PrivateKey()
    payer = from_public_key(key.public_key.format())
    await node.fund(payer, 100 * TRX)
    await token.give(payer, 1_000)
    with Oracle() as oracle:
        said = ("transfer(address,uint256)", vault.address, 640)
        txid = await by_tronweb(oracle, node, key, token.contract, *said)
        await vault.house.until(lambda: vault.deposited(txid, "credited"))
        (came,) = await vault.deposits(txid=txid)
        assert came["amount_base_units"] == "640"
        assert (await vault.balance(token.asset.id))["available"] == 640
        left = await asyncio.to_thread(
            oracle.call, "tronwebTokenBalance", url=node.url, token=token.contract, owner=payer
        )
    assert left == "360"


Case = Callable[[OurVault, Token], Awaitable[None]]
CASES: dict[Case, tuple[str, ...]] = {
    received_and_sent: ("dollar", "devnet"),
    sent_whole: ("dollar",),
    refused_by_name: ("dollar",),
    reorganised: ("dollar",),
    reverted: ("dollar",),
    moved_nothing: ("dollar",),
    out_of_energy: ("dollar",),
    arrives_less_a_fee: ("dollar",),
    taken_by_an_allowance: ("dollar",),
    paid_with_energy_of_others: ("dollar",),
    paid_by_tronweb: ("dollar",),
    frozen_by_its_issuer: ("dollar",),
    paused_by_its_issuer: ("dollar",),
    frozen_is_promised_to_nobody: ("dollar",),
    paused_is_promised_to_nobody: ("dollar",),
}
"""Each with the kinds of contracts that it is about."""


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        pytest.param(case, kind, id=f"{case.__name__}-{kind}")
        for case, kinds in CASES.items()
        for kind in kinds
    ],
)
async def test_on_tron(house: House, case: Case, kind: str) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens[kind]
    await case(vault, token)
    await vault.compare(token)


@pytest.mark.parametrize("case", [swept_less_a_fee, refilled_less_a_fee, moved_less_a_fee])
async def test_it_brings_what_arrives(house: House, case: Case) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["dollar"]
    await token.do("setParams(uint256,uint256)", 10, 49)
    try:
        await case(vault, token)
    finally:
        await token.do("setParams(uint256,uint256)", 0, 0)
