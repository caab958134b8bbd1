"""A vault with tokens on Solana and no SOL pays in one request and no coin comes: it signs the
message first, and the house's vault signs it beside and pays for it (ADR 0097). On the real
runtime, with the signer's own process. At the end of each case ledger and chain are the same of
both assets."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from solders.keypair import Keypair
from sqlalchemy import select

from chains.model import Address, ConflictKey
from custody.bootstrap import open_custody
from custody.cli.recover import _recovery
from custody.config import Settings
from custody.db.gas_tables import GasCarrierRow
from custody.db.session import Database
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.gas.model import Bearer
from custody.transactions.repository import keys_by_transaction
from signer.client import SignerUnavailable
from signer.wire import SignRequest
from tests.support.carried_house import Carried, let_carry
from tests.support.exported import claims_about, graded
from tests.support.solana_issuer import SolanaIssuer
from tests.support.token_house import Refused, TokenHouse, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
House = TokenHouse[SolanaIssuer]
HELD, UNITS = 5_000, 1_200


def may_call(document: dict[str, Any], _: SolanaIssuer) -> None:
    """A rule more, of the same limits and any asset: nobody can tell what a call moves."""
    (usual,) = document["rules"]
    scope = usual["scope"] | {"actions": ["call"], "assets": "any"}
    document["rules"].append(usual | {"id": "calls", "scope": scope})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="second-") as folder:
        kinds = ("token", "token-2022")
        async with opened(
            "solana-local", Path(folder), SolanaIssuer, listed=kinds, change=may_call
        ) as made:
            yield made


def wallet() -> Address:
    return Address(str(Keypair().pubkey()))


class Scene(Carried[SolanaIssuer]):
    async def pays(self, units: int = UNITS) -> Any:
        return await super().pays(units)

    async def done(self) -> Any:
        async def ended() -> bool:
            return [each["state"] for each in await self.carriers()] == ["done"]

        await self.house.until(ended)
        (row,) = await self.carriers()
        return await self.house.get(f"transfers/{row['transfer_id']}")


async def opened_scene(
    house: House, kind: str = "token", bears: Bearer = Bearer.HOUSE, *, carries: bool = True
) -> Scene:
    """The payer has a nonce account that is ready: its first payment has made it."""
    payer, vault, token = (
        await house.new_vault(),
        await house.new_vault(),
        house.issuer.tokens[kind],
    )
    await payer.receive(None, 10 * house.issuer.coin)
    first = await payer.ask(house.network.native.id, house.issuer.coin, wallet())
    await payer.until(first, "final")
    await vault.receive(token, HELD)
    await let_carry(house, payer, bears, carries=carries)
    return Scene(house, payer, vault, token, wallet())


def costs_of(transfer: Any) -> dict[str, int]:
    (paid,) = [each for each in transfer["transactions"] if each["state"] == "final"]
    return {kind: int(each["amount_base_units"]) for kind, each in paid["costs"].items()}


@pytest.mark.parametrize("kind", ["token", "token-2022"])
async def test_tokens_leave_a_vault_and_the_top_up_is_saved(house: House, kind: str) -> None:
    scene = await opened_scene(house, kind)
    done = await scene.vault.until(await scene.pays(), "final", "failed")
    assert done["state"] == "final", done["reason"]
    assert await scene.token.has(scene.payee) == UNITS
    assert costs_of(done) == {}
    carrier = await scene.done()
    assert (carrier["kind"], carrier["vault_id"]) == ("call", scene.payer.id)
    paid = costs_of(carrier)
    assert set(paid) == {"fee", "rent"}
    shown = await house.get(f"vaults/{scene.vault.id}/gas")
    assert shown["items"] == [] and shown["waiting"] == []
    assert {each["asset"] for each in await scene.vault.deposits()} == {scene.token.asset.id}
    await scene.compare()
    # An auditor is shown who decided what, and that the checker reads no message that two sign.
    for each in (done, carrier):
        said = graded(await claims_about(house, each["id"]))
        assert (said["decision"], said["effects"]) == (("proven", "A"), ("not checked", ""))
    # The payee's account is there now, so the second one costs its fee alone.
    await scene.vault.until(await scene.pays(), "final")
    assert await scene.token.has(scene.payee) == 2 * UNITS
    await scene.compare()


async def test_what_it_saves(house: House) -> None:
    """The same payment by a top-up and a transaction of its own."""
    scene = await opened_scene(house)
    await scene.vault.until(await scene.pays(), "final")
    alone = costs_of(await scene.done())
    other = await opened_scene(house, carries=False)
    paid = await other.vault.until(await other.pays(), "final")
    (top_up,) = (await house.get(f"vaults/{other.vault.id}/gas"))["items"]
    brought = await house.get(f"transfers/{top_up['transfer_id']}")
    together = [costs_of(each) for each in (brought, paid)]
    left = await house.issuer.node.balance(other.vault.address)
    print(f"lamports: {alone} carried; {together} by a top-up, which leaves {left} at the address")
    # Two signatures are paid for either way. What is saved is a transaction, its finality, and what
    # the address has to keep, beside the rent of a nonce account of its own.
    assert abs(alone["fee"] - sum(each["fee"] for each in together)) < 1_000
    assert alone["rent"] == together[-1]["rent"] and left >= 890_880


async def test_the_client_owes_fee_and_rent(house: House) -> None:
    scene = await opened_scene(house, bears=Bearer.CLIENT)
    body = {
        "vault_id": scene.vault.id,
        "network": house.network.id,
        "asset": scene.token.asset.id,
        "destination": scene.payee,
        "amount_base_units": str(UNITS),
    }
    told = await house.post("transfers:estimate", body)
    assert told["covered"] and told["brought"]["carried"]
    await scene.vault.until(await scene.pays(), "final")
    cost = sum(costs_of(await scene.done()).values())
    owed = (await house.get(f"vaults/{scene.payer.id}/gas"))["owed"]
    assert owed == {house.network.native.id: str(cost)}
    assert cost <= int(told["brought"]["amount"]["amount_base_units"])
    await scene.compare()


async def test_the_carrier_is_called_off(house: House) -> None:
    """The house's own advance uses up the nonce: the vault's payment is dead with it, and asked
    for again."""
    scene = await opened_scene(house)
    asked = await scene.pays()
    carrier = await scene.carrier()
    (out,) = carrier["transactions"]
    with pytest.raises(Refused) as refused:
        await house.post(f"transfers/{carrier['id']}/speed-up", {"txid": out["txid"]})
    assert refused.value.problem["code"] == "transfer_not_replaceable"
    with pytest.raises(Refused) as refused:
        await house.post(f"transfers/{asked['id']}/cancel", {})
    assert refused.value.problem["code"] == "transfer_not_cancellable"
    await house.post(f"transfers/{carrier['id']}/cancel", {})

    async def sent() -> bool:
        shown = (await scene.payer.shown(carrier))["transactions"]
        return len(shown) == 2 and shown[-1]["state"] == "broadcast"

    await house.until(sent, mining=False)
    await scene.payer.until(carrier, "cancelled")
    failed = await scene.vault.until(asked, "failed", "final")
    assert failed["state"] == "failed"
    assert await scene.token.has(scene.payee) == 0
    assert (await scene.vault.balance(scene.token.asset.id))["available"] == HELD
    again = await scene.vault.ask(scene.token.asset.id, UNITS, scene.payee, retry_of=asked["id"])
    assert (await scene.vault.until(again, "final", "failed"))["state"] == "final"
    await scene.compare()


async def test_lost_answers_and_a_lost_database(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the owner's signature and of the house's the first answer is lost, so each is asked for
    again. Then a database from before is rebuilt from the journal: it has both halves, which share
    the nonce value, and knows that one submits the other."""
    scene, custody = await opened_scene(house, bears=Bearer.CLIENT), house.services.custody
    before = tmp_path / "before.db"
    await copied(custody.settings, before)
    lost: set[str | None] = set()
    sign = custody.signer.sign

    async def losing(requests: Sequence[SignRequest], follows: Collection[int] = ()) -> Any:
        outcomes = await sign(requests, follows)
        halves = {each.tx.sender for each in requests} - {None}
        if halves - lost:
            lost.update(halves)
            raise SignerUnavailable("the answer is lost")
        return outcomes

    monkeypatch.setattr(custody.signer, "sign", losing)
    asked = await scene.pays()
    carrier = await scene.carrier()
    assert lost == {scene.vault.address, scene.payer.address}
    monkeypatch.undo()
    rows = await transactions_of(custody.database)
    settings = custody.settings.model_copy(
        update={"database_url": SecretStr(f"sqlite+aiosqlite:///{before}")}
    )
    async with open_custody(settings) as older:
        assert not {asked["id"], carrier["id"]} & (await transactions_of(older.database)).keys()
        recovery = _recovery(older)
        await recovery.run(await recovery.plan(), addresses=20, database_complete=True)
        again = await transactions_of(older.database)
        async with older.database.read() as session:
            mine = select(GasCarrierRow).where(GasCarrierRow.named == carrier["id"])
            (found,) = await session.all(mine)
            call = await session.get(TransferRow, carrier["id"])
    for each in (asked["id"], carrier["id"]):
        (old, keys), (new, shared) = rows[each], again[each]
        assert (new.payload, new.sender, new.raw, new.txid) == (
            old.payload,
            old.sender,
            old.raw,
            old.txid,
        )
        assert shared == keys
    assert set(again[carrier["id"]][1]) < set(again[asked["id"]][1])
    assert (found.named, found.bears) == (carrier["id"], "client")
    assert call is not None and call.kind == "call_charged"
    await scene.vault.until(asked, "final")
    await scene.done()
    await scene.compare()


async def copied(settings: Settings, to: Path) -> None:
    assert settings.database_url is not None
    name = settings.database_url.get_secret_value().removeprefix("sqlite+aiosqlite:///")

    def copy() -> None:
        with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)

    await asyncio.to_thread(copy)


async def transactions_of(
    database: Database,
) -> dict[str, tuple[TransactionRow, tuple[ConflictKey, ...]]]:
    """By transfer, with the keys that each takes."""
    async with database.read() as session:
        row, carried = TransactionRow, TransactionTransferRow
        both = select(carried.transfer_id, row).join(row, row.id == carried.transaction_id)
        found = dict([*await session.rows(both)])
        keys = await keys_by_transaction(session, [each.id for each in found.values()])
    return {transfer: (each, keys[each.id]) for transfer, each in found.items()}
