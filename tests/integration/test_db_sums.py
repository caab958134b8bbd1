"""Sums of base units that the database takes are those of Python, to the last digit."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import select

from chains.model import AssetId
from custody.db.session import Database
from custody.db.sums import exact_sum
from custody.db.tables import LedgerAccountRow
from custody.ledger.model import Account, AccountKey, AccountKind
from custody.ledger.service import _account_row

ASSET = AssetId("eip155:1/slip44:60")
LIMIT = 2**256 - 1


async def summed(database: Database, amounts: list[int]) -> int:
    async with database.write() as session:
        for at, amount in enumerate(amounts):
            key = AccountKey(AccountKind.CHAIN, AssetId(f"{ASSET}/{at}"))
            await session.insert(LedgerAccountRow, [_account_row(Account(key, amount))])
    async with database.read() as session:
        return await session.one(select(exact_sum(LedgerAccountRow.debits_posted)))


@pytest.mark.parametrize(
    "amounts",
    [
        [],
        [0, 0],
        [7],
        [10**11 - 1, 1],
        [10**11, 10**22, 10**33],
        [LIMIT] * 5,
        [LIMIT, 0, 1, 2**63, 2**64 - 1, 10**18],
        [Random(3).randrange(2 ** (8 * n)) for n in range(1, 33) for _ in range(4)],
    ],
    ids=["none", "zeros", "one", "carry", "edges", "largest", "mixed", "many"],
)
async def test_a_sum_is_exact(database: Database, amounts: list[int]):
    assert await summed(database, amounts) == sum(amounts)
