"""Custody and the signer with tokens on real EVM engines: what comes in, what goes out, what goes
wrong. Each case is played with each kind of contract, and at its end the ledger is what the chain
says, of the token and of the coin.

The contracts: Circle's USDC, OpenZeppelin's plain token, and one with bad habits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from chains.evm.address import canonical
from chains.model import Address, TxId
from custody.alarms.codes import AlarmCode
from tests.support.evm_tokens import KINDS, EvmIssuer, Token, call, outside
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

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[TokenHouse[EvmIssuer]]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened(request.param, Path(folder), EvmIssuer) as made:
            yield made


async def waits_for_the_coin(vault: Vault[EvmIssuer], token: Token) -> None:
    """The books have it, the chain has it not: the wait names what is missing, and ends with it."""
    node = vault.house.issuer.node
    await vault.receive(None, EvmIssuer.coin)
    await vault.receive(token, 10)
    await node.ask("anvil_setBalance", vault.address, "0x1")
    payee = await node.outside_address()
    asked = await vault.ask(token.asset.id, 10, payee)
    await vault.until_waiting(asked, "insufficient_gas")
    await node.ask("anvil_setBalance", vault.address, hex(EvmIssuer.coin))
    await vault.until(asked, "final")
    assert await token.has(payee) == 10


async def taken_by_an_allowance(vault: Vault[EvmIssuer], token: Token) -> None:
    """Approved past custody, by whoever has the key too; then a stranger helps himself. Both are
    booked, and the vault stands still."""
    await vault.receive(None, EvmIssuer.coin)
    await vault.receive(token, 100)
    node = vault.house.issuer.node
    stranger = await outside(vault.house.issuer)
    await acts(vault, token.contract, call("approve(address,uint256)", stranger, 60))
    await node.mine()
    assert await token.has(vault.address) == 100
    takes = call("transferFrom(address,address,uint256)", vault.address, stranger, 60)
    taken = await node.send(token.contract, 0, takes, 200_000)
    await node.mine()
    await vault.house.until(lambda: vault.debited(taken))
    assert await token.has(vault.address) == 40 == await vault.ledger(token.asset.id)
    assert await vault.frozen() == AlarmCode.FOREIGN_DEBIT


async def acts(vault: Vault[EvmIssuer], to: Address, data: bytes) -> TxId:
    """The address's key is somebody else's too: he calls a contract. Not mined."""
    ask = vault.house.issuer.node.ask
    await ask("anvil_impersonateAccount", vault.address)
    price = await ask("eth_gasPrice")
    fields = {"from": vault.address, "to": to, "data": "0x" + data.hex(), "gasPrice": price}
    txid = TxId(await ask("eth_sendTransaction", fields))
    await ask("anvil_stopImpersonatingAccount", vault.address)
    return txid


async def failed_in_its_block(
    vault: Vault[EvmIssuer], token: Token, spoil: Callable[[], Awaitable[object]]
) -> None:
    """Signed and sent while all was well. The fee is gone, and nothing else."""
    house, native = vault.house, vault.house.network.native.id
    await vault.receive(None, EvmIssuer.coin)
    await vault.receive(token, 50)
    payee = await house.issuer.node.outside_address()
    asked = await vault.ask(token.asset.id, 50, payee)
    txids: list[str] = []

    async def is_sent() -> bool:
        rows = (await vault.shown(asked))["transactions"]
        txids[:] = [each["txid"] for each in rows if each["state"] == "broadcast"]
        return bool(txids)

    await house.until(is_sent, mining=False)
    for txid in txids:
        await house.issuer.node.ask("anvil_dropTransaction", txid)
    await spoil()
    done = await vault.until(asked, "failed")
    (tried,) = done["transactions"]
    assert tried["state"] == "reverted"
    fee = int(tried["costs"]["fee"]["amount_base_units"])
    assert (await vault.balance(native))["available"] == EvmIssuer.coin - fee < EvmIssuer.coin
    assert (await vault.balance(token.asset.id))["available"] == 50
    assert await token.has(payee) == 0


async def reverted(vault: Vault[EvmIssuer], token: Token) -> None:
    try:
        await failed_in_its_block(vault, token, token.pause)
    finally:
        await token.unpause()


async def moved_nothing(vault: Vault[EvmIssuer], token: Token) -> None:
    """It says yes, logs nothing and does nothing."""
    mode = "set(uint8,uint16,uint8)"
    try:
        await failed_in_its_block(vault, token, lambda: token.do(mode, 3, 0, 6))
    finally:
        await token.do(mode, 0, 0, 6)


async def arrives_less_a_fee(vault: Vault[EvmIssuer], token: Token) -> None:
    await vault.receive(None, EvmIssuer.coin)
    await token.do("set(uint8,uint16,uint8)", 0, 500, 6)
    try:
        txid = await vault.receive(token, 1_000)
        (came,) = await vault.deposits(txid=txid)
        assert came["amount_base_units"] == "950"
        payee = await vault.house.issuer.node.outside_address()
        await vault.until(await vault.ask(token.asset.id, 900, payee), "final")
        assert await token.has(payee) == 855
        assert (await vault.balance(token.asset.id))["available"] == 50
        assert await withheld_by_entries(vault, token) == [45]
    finally:
        await token.do("set(uint8,uint16,uint8)", 0, 0, 6)


async def poisoned(vault: Vault[EvmIssuer], token: Token) -> None:
    """Somebody has the token say that the vault paid him nothing, from an address that looks like
    the payee's. It stands in no list until it is asked for."""
    house = vault.house
    payee = await house.issuer.node.outside_address()
    imitation = canonical(payee[:6].lower() + "0" * 32 + payee[-4:].lower())
    await vault.receive(None, EvmIssuer.coin)
    await vault.receive(token, 50)
    await vault.until(await vault.ask(token.asset.id, 20, payee), "final")
    takes = call("transferFrom(address,address,uint256)", vault.address, imitation, 0)
    txid = await house.issuer.node.send(token.contract, 0, takes, 200_000)
    await house.issuer.node.mine()
    await house.followed()
    assert (await house.get("unlisted", vault_id=vault.id))["items"] == []
    (row,) = (await house.get("unlisted", vault_id=vault.id, mark="look_alike"))["items"]
    assert (row["txid"], row["said_to_be_from"], row["mark"]) == (txid, imitation, "look_alike")
    assert (await house.get("foreign-debits", vault_id=vault.id))["items"] == []
    assert await vault.frozen() is None


Case = Callable[[Vault[EvmIssuer], Token], Awaitable[None]]
CASES: dict[Case, tuple[str, ...]] = {
    received_and_sent: tuple(KINDS),
    sent_whole: ("habits",),
    refused_by_name: ("usdc",),
    waits_for_the_coin: ("usdc",),
    reorganised: ("openzeppelin",),
    taken_by_an_allowance: ("usdc",),
    reverted: ("usdc",),
    moved_nothing: ("habits",),
    arrives_less_a_fee: ("habits",),
    poisoned: ("openzeppelin",),
    frozen_by_its_issuer: ("usdc",),
    paused_by_its_issuer: ("usdc",),
    frozen_is_promised_to_nobody: ("usdc",),
    paused_is_promised_to_nobody: ("usdc",),
}
"""Each with the kinds of contracts that it is about."""
ELSEWHERE_TOO = (received_and_sent, reorganised, reverted)
"""What a network's own kind of transaction and finality have a part in."""


def played(cases: Iterable[Case]) -> pytest.MarkDecorator:
    each = [
        pytest.param(case, kind, id=f"{case.__name__}-{kind}")
        for case in cases
        for kind in CASES[case]
    ]
    return pytest.mark.parametrize(("case", "kind"), each)


on_ethereum = pytest.mark.parametrize("house", ["ethereum-local"], indirect=True)
on_bsc = pytest.mark.parametrize("house", ["bsc-local"], indirect=True)


@on_ethereum
@played(CASES)
async def test_on_ethereum(house: TokenHouse[EvmIssuer], case: Case, kind: str) -> None:
    await play(house, case, kind)


@on_ethereum
async def test_a_contract_that_lies_is_found_out(house: TokenHouse[EvmIssuer]) -> None:
    """It logs a payment and does not count it. Reconciliation asks what it counts."""
    vault, token = await house.new_vault(), house.issuer.tokens["habits"]
    stranger = Address("0x3535353535353535353535353535353535353535")
    txid = await token.do("lie(address,address,uint256)", stranger, vault.address, 10**6)
    await house.until(lambda: vault.deposited(txid, "credited"))
    await house.followed()
    await house.services.reconciliation.run(vault=vault.id)
    assert await vault.frozen() is not None


@on_ethereum
@pytest.mark.parametrize("case", [swept_less_a_fee, refilled_less_a_fee, moved_less_a_fee])
async def test_it_brings_what_arrives(house: TokenHouse[EvmIssuer], case: Case) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["habits"]
    await token.do("set(uint8,uint16,uint8)", 0, 500, 6)
    try:
        await case(vault, token)
    finally:
        await token.do("set(uint8,uint16,uint8)", 0, 0, 6)


@on_bsc
@played(ELSEWHERE_TOO)
async def test_on_bsc(house: TokenHouse[EvmIssuer], case: Case, kind: str) -> None:
    await play(house, case, kind)


async def play(house: TokenHouse[EvmIssuer], case: Case, kind: str) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens[kind]
    await case(vault, token)
    await vault.compare(token)
