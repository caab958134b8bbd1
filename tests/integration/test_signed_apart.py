"""A vault with Circle's own token and no coin pays in one request and no coin comes: it signs the
payment apart, and the house's vault submits it. On local chains, with the signer's own process.
At the end of each case ledger and chain are the same of both assets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.evm import permits
from chains.model import TxId, UnsignedTx
from custody.audit.period_controls import encumbrances
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow
from custody.gas.model import Bearer
from custody.pauses.service import pause, resume
from tests.integration.test_calls import may_call, token_of
from tests.support.carried_house import Carried, let_carry
from tests.support.evm_tokens import EvmIssuer
from tests.support.exported import claims_about, graded
from tests.support.token_house import TokenHouse, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
HELD, UNITS = 5_000, 1_200


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["ethereum-local", "bsc-local"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[TokenHouse[EvmIssuer]]:
    with TemporaryDirectory(prefix="apart-") as folder:
        async with opened(request.param, Path(folder), EvmIssuer, listed=("usdc",)) as made:
            await may_call(made)
            yield made


class Scene(Carried[EvmIssuer]):
    async def pays(self, units: int = UNITS) -> Any:
        return await super().pays(units)

    async def payment(self, asked: Any) -> TransactionRow:
        async with self.house.services.custody.database.read() as session:
            row, carried = TransactionRow, TransactionTransferRow
            mine = select(row).join(carried, carried.transaction_id == row.id)
            found = await session.all(mine.where(carried.transfer_id == asked["id"]))
        return found[-1]

    async def signed(self, asked: Any) -> bytes:
        """The calldata that anybody may submit."""

        async def there() -> bool:
            shown = (await self.vault.shown(asked))["transactions"]
            return any(each["state"] in ("signed", "broadcast") for each in shown)

        await self.house.until(there, mining=False)
        raw = (await self.payment(asked)).raw
        assert raw is not None
        return raw

    async def submits(self, data: bytes) -> TxId:
        """A stranger."""
        contract = self.house.issuer.tokens["usdc"].contract
        return await self.house.issuer.node.send(contract, 0, data, 300_000)

    async def gas_of(self, transfer: Any) -> int:
        (paid,) = [each for each in transfer["transactions"] if each["state"] == "final"]
        receipt = await self.house.issuer.node.ask("eth_getTransactionReceipt", paid["txid"])
        return int(receipt["gasUsed"], 16)


async def opened_scene(
    house: TokenHouse[EvmIssuer], bears: Bearer = Bearer.HOUSE, *, carries: bool = True
) -> Scene:
    payer, vault, token = await house.new_vault(), await house.new_vault(), token_of(house)
    await payer.receive(None, 10 * house.issuer.coin)
    await vault.receive(token, HELD)
    await let_carry(house, payer, bears, carries=carries)
    payee = await house.issuer.node.outside_address()
    return Scene(house, payer, vault, token, payee)


def fee_of(transfer: Any) -> int:
    (paid,) = [each for each in transfer["transactions"] if each["state"] == "final"]
    return sum(int(each["amount_base_units"]) for each in paid["costs"].values())


async def test_tokens_leave_a_vault_and_the_top_up_is_saved(house: TokenHouse[EvmIssuer]) -> None:
    scene = await opened_scene(house)
    done = await scene.vault.until(await scene.pays(), "final", "failed")
    assert done["state"] == "final", done["reason"]
    assert await token_of(house).has(scene.payee) == UNITS
    assert fee_of(done) == 0
    shown = await house.get(f"vaults/{scene.vault.id}/gas")
    assert shown["items"] == [] and shown["waiting"] == []
    (row,) = shown["carriers"]
    await house.until(lambda: _is_done(scene))
    carrier = await house.get(f"transfers/{row['transfer_id']}")
    assert (carrier["kind"], carrier["vault_id"]) == ("call", scene.payer.id)
    assert {each["asset"] for each in await scene.vault.deposits()} == {token_of(house).asset.id}
    await scene.compare()
    # What an auditor is shown: of who submitted it all but the arguments, and of the payment what
    # people agreed to.
    carried = graded(await claims_about(house, carrier["id"]))
    assert (carried["effects"], carried["bytes"]) == (("proven", "A"), ("proven", "A"))
    apart = graded(await claims_about(house, done["id"]))
    assert (apart["decision"], apart["effects"]) == (("proven", "A"), ("not checked", ""))
    # The same payment by a top-up and a transaction of its own.
    other = await opened_scene(house, carries=False)
    paid = await other.vault.until(await other.pays(), "final")
    (top_up,) = (await house.get(f"vaults/{other.vault.id}/gas"))["items"]
    brought = await house.get(f"transfers/{top_up['transfer_id']}")
    alone = await scene.gas_of(carrier)
    together = [await other.gas_of(each) for each in (brought, paid)]
    print(f"gas on {house.network.alias}: {alone} carried, {together} by a top-up")
    # What is saved is a transaction, its finality and what would lie on the address, not gas: to
    # check the signature and to note its number costs more than the top-up's 21,000.
    assert together[0] == 21_000
    assert 15_000 < alone - sum(together) < 25_000


async def _is_done(scene: Scene) -> bool:
    return [each["state"] for each in await scene.carriers()] == ["done"]


async def test_the_client_owes_the_fee_and_no_more(house: TokenHouse[EvmIssuer]) -> None:
    scene = await opened_scene(house, Bearer.CLIENT)
    body = {
        "vault_id": scene.vault.id,
        "network": house.network.id,
        "asset": token_of(house).asset.id,
        "destination": scene.payee,
        "amount_base_units": str(UNITS),
    }
    told = await house.post("transfers:estimate", body)
    assert told["covered"] and told["brought"]["carried"]
    assert told["brought"]["payer_vault_id"] == scene.payer.id
    done = await scene.vault.until(await scene.pays(), "final", "failed")
    assert done["state"] == "final", done["reason"]
    await house.until(lambda: _is_done(scene))
    (row,) = await scene.carriers()
    fee = fee_of(await house.get(f"transfers/{row['transfer_id']}"))
    charged = told["brought"]["charged"]
    native = house.network.native.id
    owed = (await house.get(f"vaults/{scene.payer.id}/gas"))["owed"]
    assert owed == ({native: str(fee)} if charged else {})
    assert fee <= int(told["brought"]["amount"]["amount_base_units"])
    await scene.compare()


async def test_a_stranger_is_faster_than_the_house(house: TokenHouse[EvmIssuer]) -> None:
    """He pays for our payment; our carrier reverts, and what that cost is the house's own."""
    scene = await opened_scene(house, Bearer.CLIENT)
    asked = await scene.pays()
    data, carrier = await scene.signed(asked), await scene.carrier()
    node = house.issuer.node
    await node.ask("anvil_dropAllTransactions")
    await scene.submits(data)
    await node.mine()
    done = await scene.vault.until(asked, "final", "failed")
    assert done["state"] == "final", done["reason"]
    late = await scene.payer.until(carrier, "failed", "final")
    assert late["state"] == "failed"
    assert [each["state"] for each in late["transactions"]] == ["reverted"]
    assert await token_of(house).has(scene.payee) == UNITS, "once"
    assert (await house.get(f"vaults/{scene.payer.id}/gas"))["owed"] == {}
    await scene.compare()


async def test_the_carrier_is_replaced(house: TokenHouse[EvmIssuer]) -> None:
    scene = await opened_scene(house)
    asked = await scene.pays()
    carrier = await scene.carrier()
    (first,) = carrier["transactions"]
    await house.post(f"transfers/{carrier['id']}/speed-up", {"txid": first["txid"]})

    async def replaced() -> bool:
        shown = (await scene.payer.shown(carrier))["transactions"]
        return len(shown) == 2 and shown[-1]["state"] == "broadcast"

    await house.until(replaced, mining=False)
    done = await scene.vault.until(asked, "final", "failed")
    assert done["state"] == "final", done["reason"]
    assert (await scene.payer.until(carrier, "final"))["kind"] == "call"
    await scene.compare()


async def test_a_reorg_takes_both_out_and_both_come_back(house: TokenHouse[EvmIssuer]) -> None:
    scene = await opened_scene(house)
    asked = await scene.pays()
    await scene.carrier()
    node = house.issuer.node
    await node.mine()

    async def included() -> bool:
        shown = (await scene.vault.shown(asked))["transactions"]
        return bool(shown[-1]["state"] == "included")

    await house.until(included, mining=False)
    await node.reorg(1)
    done = await scene.vault.until(asked, "final", "failed")
    assert done["state"] == "final", done["reason"]
    assert await token_of(house).has(scene.payee) == UNITS, "once"
    await scene.compare()


async def test_an_address_with_code_is_brought_coins(house: TokenHouse[EvmIssuer]) -> None:
    """A delegated account (EIP-7702): Circle's contract asks its code, which has not signed."""
    if house.network.alias == "bsc-local":
        pytest.skip("the same code path")
    scene = await opened_scene(house)
    code = "0xef0100" + "11" * 20
    await house.issuer.node.ask("anvil_setCode", scene.vault.address, code)
    done = await scene.vault.until(await scene.pays(), "final", "failed")
    assert done["state"] == "final", done["reason"]
    shown = await house.get(f"vaults/{scene.vault.id}/gas")
    assert shown["carriers"] == [] and len(shown["items"]) == 1


async def test_its_time_passes_and_nobody_submitted_it(house: TokenHouse[EvmIssuer]) -> None:
    """The last case, since it moves the chain's clock: dead when a final block is later and the
    contract has not seen it; then what it held is free, and the calldata is worth nothing."""
    scene = await opened_scene(house)
    custody, node = house.services.custody, house.issuer.node
    async with custody.database.write() as session:
        held = await pause(session, None, scene.payer.id, "test", custody.clock(), by="olivia")
    asked = await scene.pays()
    data = await scene.signed(asked)
    row = await scene.payment(asked)
    assert row.payload is not None
    tx = UnsignedTx(house.network.id, row.payload, scene.vault.address)
    typed = permits.typed_of(house.network, tx)
    assert typed is not None and isinstance(typed.said, permits.Authorization)
    before = typed.said.before
    async with custody.database.read() as session:
        stands = await encumbrances(session, custody.clock() + timedelta(seconds=1))
    apart = [each for each in stands if each["kind"] == "apart"]
    assert [each["owner"] for each in apart] == [scene.vault.address], "as a period tells it"
    await node.ask("anvil_setNextBlockTimestamp", before - 1)
    await node.mine()
    await node.finalize()
    await house.followed()
    block = await node.ask("eth_getBlockByNumber", "latest", False)
    if int(block["timestamp"], 16) < before:
        assert (await scene.vault.shown(asked))["state"] == "in_flight"
    await node.ask("anvil_setNextBlockTimestamp", before + 60)
    done = await scene.vault.until(asked, "failed", "final")
    assert done["state"] == "failed"
    assert (await scene.vault.balance(token_of(house).asset.id))["available"] == HELD
    await scene.submits(data)
    await node.mine()
    assert await token_of(house).has(scene.payee) == 0
    async with custody.database.write() as session:
        await resume(session, held.id, "over", custody.clock(), by="olivia")
    await scene.compare()
