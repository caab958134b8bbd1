"""A debit that a chain made is booked whatever the vault has; what it lacks, it owes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.model import AssetId
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.ledger.model import (
    Books,
    Post,
    Reason,
    Reserve,
    chain_account,
    fees_account,
    find_faults,
    shortfall_account,
    vault_account,
)
from custody.ledger.result import Result
from custody.ledger.shortfall import Draft
from custody.vaults.debts import cover_and_tell
from tests.support.custody import World

ASSET = AssetId("eip155:1/slip44:60")
VAULT, OWED = vault_account("v", ASSET), shortfall_account("v", ASSET)
CHAIN, FEES = chain_account(ASSET), fees_account(ASSET)


def books_with(amount: int, held: int = 0) -> Books:
    books = Books()
    books.open(VAULT, OWED, CHAIN, FEES)
    if amount:
        books.apply("opening", Post(CHAIN, VAULT, amount, "d", Reason.DEPOSIT))
    if held:
        books.apply("held", Reserve(VAULT, CHAIN, held, "t", Reason.TRANSFER))
    return books


def test_the_ledger_alone_refuses_such_a_debit():
    books = books_with(100, held=90)
    result = books.apply("x", Post(VAULT, CHAIN, 60, "x", Reason.REWIND))
    assert result is Result.AMOUNT_ABOVE_BALANCE


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 100),
    st.integers(0, 100),
    st.lists(st.tuples(st.sampled_from(["take", "hold", "give"]), st.integers(1, 150)), max_size=8),
)
def test_whatever_a_chain_did_is_booked(amount: int, held: int, wishes: list[tuple[str, int]]):
    books = books_with(amount, min(amount, held))
    draft = Draft(books.accounts)
    for verb, wanted in wishes:
        if verb == "take":
            draft.add(Post(VAULT, CHAIN, wanted, "x", Reason.REWIND))
        elif verb == "hold":
            draft.add(Reserve(VAULT, FEES, wanted, "x", Reason.FEE))
        else:
            draft.add(Post(CHAIN, VAULT, wanted, "x", Reason.REWIND))
    results = {books.apply(f"e{at}", each) for at, each in enumerate(draft.movements)}
    assert results <= {Result.CREATED}
    assert find_faults(books.accounts.values()) == []
    moved = sum(wanted if verb == "give" else -wanted for verb, wanted in wishes if verb != "hold")
    # What must be on the chain is the sum, so it stays equal while the vault owes.
    assert books.accounts[VAULT.id].posted + books.accounts[OWED.id].posted == amount + moved
    assert books.accounts[OWED.id].posted <= 0


async def test_what_a_vault_has_pays_what_it_owes(database: Database):
    world = World(database, "ethereum-local")
    vault = await world.new_vault()
    account, owed = (make(vault.id, world.native) for make in (vault_account, shortfall_account))
    outside = chain_account(world.native)

    async def covered() -> str:
        return await cover_and_tell(database, world.ledger, vault.id, world.clock())

    async with database.write() as session:
        draft = Draft({})
        draft.add(Post(account, outside, 70, "x", Reason.REWIND))
        await world.ledger.apply(session, draft.movements)
    assert await covered() == f"{world.native}: 70 owed"
    assert [row.code for row in await world.open_alarms()] == [AlarmCode.VAULT_OWES]
    for amount, left, has in ((30, 40, 0), (50, 0, 10)):
        async with database.write() as session:
            paid = Post(outside, account, amount, "d", Reason.DEPOSIT)
            await world.ledger.post(session, paid)
        assert await covered() == (f"{world.native}: {left} owed" if left else "")
        balance = await world.balance(vault)
        assert (balance.available, balance.owed) == (has, left)
    assert await covered() == ""
    assert await world.open_alarms() == []
    assert owed.id != account.id


@pytest.mark.parametrize("kind", [Post, Reserve])
def test_a_shortfall_that_was_covered_twice_is_a_fault(kind: type[Post] | type[Reserve]):
    books = books_with(100)
    books.apply("twice", kind(VAULT, OWED, 1, "v", Reason.SHORTFALL))
    messages = [fault.message for fault in find_faults(books.accounts.values())]
    assert messages == (["a shortfall was covered more than once"] if kind is Post else [])
