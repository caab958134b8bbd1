"""Blocks' proofs are kept once payments are final: in time, later, or as far as nodes go; and no
payment hangs on it. On the golden house, whose payments are real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import delete, select, update

from chains.catalogue import built_in
from chains.errors import InclusionUnproven, NodeUnavailable
from chains.inclusion import Said
from chains.model import BlockRef
from chains.nodes.adapter import Nodes
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Caller
from custody.audit.bundling import Bundling
from custody.audit.capturing import GIVEN_UP, LATE, Capturing
from custody.db.leases import Leases
from custody.db.migrate import upgrade
from custody.db.proof_tables import ChainProofRow, ProofWantRow, want
from custody.db.session import Database
from custody.db.tables import AlarmRow
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.errors import Conflict, Unavailable
from custody.log.bundles import BundleLog
from custody.log.reading import LogReader
from tests.golden import files
from tests.support.networks import find_network

pytestmark = pytest.mark.database

NETWORK = find_network("ethereum-local")
EVERYBODY = Caller("", "auditor", None, frozenset())


class FewNodes:
    """What nodes answer about proofs, as a test wants it."""

    def __init__(self) -> None:
        self.proves = True
        self.proof: Any = {"header": "00"}
        self.speak = True
        self.asked: list[tuple[BlockRef, int]] = []

    async def said(self, txids: Sequence[str], finality: object) -> dict[str, list[Said]]:
        block = BlockRef(7, "0x07")
        return {each: [Said("one", block, 9)] if self.speak else [] for each in txids}

    async def prove(self, txids: Sequence[str], block: BlockRef) -> list[Any]:
        self.asked.append((block, len(txids)))
        return [self.proof] * len(txids)


class House:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.nodes = FewNodes()
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.capturing = Capturing(
            database, NETWORK, cast(Nodes, self.nodes), clock=lambda: self.now
        )

    async def step(self, *, begin: bool = False) -> int:
        async with Leases(self.database).hold("proofs") as lease:
            assert lease is not None
            if begin:
                await self.capturing.begin(lease)
            return await self.capturing.step(lease)

    async def kept(self) -> list[ChainProofRow]:
        async with self.database.read() as session:
            order = (ChainProofRow.transaction_id, ChainProofRow.number)
            return list(await session.all(select(ChainProofRow).order_by(*order)))

    async def wanted(self) -> list[ProofWantRow]:
        async with self.database.read() as session:
            return list(await session.all(select(ProofWantRow)))

    async def final(self) -> list[TransactionRow]:
        async with self.database.read() as session:
            mine = select(TransactionRow).where(
                TransactionRow.state == "final", TransactionRow.purpose == "pay"
            )
            return list(await session.all(mine))

    async def alarms(self) -> list[str]:
        async with self.database.read() as session:
            mine = select(AlarmRow.code).where(
                AlarmRow.code == AlarmCode.PROOFS_LATE, AlarmRow.cleared_at.is_(None)
            )
            return list(await session.all(mine))


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The golden database, in which no proof is kept yet."""
    url = files.load_sqlite(files.SQLITE, tmp_path / "custody.db")
    await upgrade(url)
    database = Database(url)
    async with database.write() as session:
        await session.execute(delete(ProofWantRow))
    yield House(database)
    await database.close()


async def test_what_was_final_before_is_wanted_and_kept(house: House):
    final = await house.final()
    assert await house.step() == 0
    assert await house.step(begin=True) == len(final) > 0
    assert {row.transaction_id for row in await house.kept()} == {row.id for row in final}
    assert await house.wanted() == []
    assert await house.step(begin=True) == 0, "nothing is wanted twice"
    blocks = {(row.block_height, row.block_hash) for row in final}
    assert len(house.nodes.asked) == len(blocks), "one question for a block"


async def test_a_node_that_was_away_is_asked_again_and_its_word_is_kept_meanwhile(house: House):
    house.nodes.proof = NodeUnavailable("away")
    await house.step(begin=True)
    count = len(await house.final())
    assert [row.proof for row in await house.kept()] == [None] * count
    assert {row.last_error for row in await house.wanted()} == {"node_unavailable"}
    house.now += timedelta(seconds=4)
    assert await house.step() == 0, "not before its time"
    house.now += timedelta(seconds=1)
    assert await house.step() == count
    assert len(await house.kept()) == count, "the same word is not kept twice"
    house.nodes.proof = {"header": "01"}
    house.now += timedelta(hours=1)
    await house.step()
    assert {row.proof for row in await house.kept() if row.number == 2} == {'{"header":"01"}'}
    assert await house.wanted() == []


async def test_where_blocks_prove_nothing_the_nodes_word_is_all(house: House):
    house.nodes.proves, house.nodes.proof = False, InclusionUnproven("nothing to prove")
    await house.step(begin=True)
    assert {row.proof for row in await house.kept()} == {None}
    assert await house.wanted() == []


async def test_a_person_is_called_after_an_hour_and_left_alone_when_it_comes(house: House):
    house.nodes.proof = InclusionUnproven("a new kind of header")
    await house.step(begin=True)
    assert await house.alarms() == []
    house.now += LATE + timedelta(seconds=1)
    await house.step()
    assert await house.alarms() == ["proofs_late"]
    house.nodes.proof = {"header": "02"}
    house.now += timedelta(hours=1)
    await house.step()
    assert await house.alarms() == []


async def test_after_thirty_days_it_is_given_up(house: House):
    house.nodes.proof, house.nodes.speak = NodeUnavailable("pruned"), False
    await house.step(begin=True)
    house.now += GIVEN_UP + timedelta(seconds=1)
    await house.step()
    assert await house.wanted() == []
    assert await house.kept() == []


async def test_what_is_not_final_any_more_is_not_asked_about(house: House):
    (row, *_) = await house.final()
    async with house.database.write() as session:
        await session.insert(ProofWantRow, [want(row, house.now)])
        mine = update(TransactionRow).where(TransactionRow.id == row.id)
        await session.execute(mine.values(state="broadcast", version=row.version + 1))
    assert await house.step() == 1
    assert house.nodes.asked == []
    assert await house.wanted() == []


class NoRecords:
    async def prove_record(self, sequence: int) -> None:
        return None


async def test_evidence_says_by_code_what_is_missing(house: House):
    log = BundleLog(house.database, LogReader(house.database, None), 0)
    bundling = Bundling(house.database, cast(Any, NoRecords()), built_in(), log)
    async with house.database.read() as session:
        rows = await session.all(select(TransferRow))
    final = next(row for row in rows if row.state == "final")
    other = next(row for row in rows if row.state != "final")
    for transfer, code in ((other, "evidence_not_final"), (final, "evidence_proof_missing")):
        with pytest.raises(Conflict) as refused:
            await bundling.export(transfer.id, EVERYBODY, house.now)
        assert refused.value.code == code
    await house.step(begin=True)
    with pytest.raises(Unavailable) as missing:
        await bundling.export(final.id, EVERYBODY, house.now)
    assert missing.value.code == "evidence_record_missing"
