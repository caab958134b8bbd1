"""The ledger against a model so plain that it can be read as the definition of what is meant.

The plain model knows what each account has, and for each hold who holds how much for whom. First
the rules alone, then the same rules through the database, which must agree with both.
"""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chains.model import AssetId
from custody.db.session import Database
from custody.db.tables import ClientRow, VaultRow
from custody.errors import CustodyError
from custody.ledger import repository
from custody.ledger.model import (
    BOUNDED,
    AccountKey,
    Books,
    Post,
    Reason,
    Reserve,
    Settle,
    Void,
    chain_account,
    fees_account,
    find_faults,
    locked_account,
    unswept_account,
    vault_account,
)
from custody.ledger.result import Result
from custody.ledger.service import Ledger
from custody.reconcile.books import check_books

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASSETS = [AssetId("bip122:x/slip44:0"), AssetId("eip155:1/slip44:60")]
KEYS: list[AccountKey] = [
    key
    for asset in ASSETS
    for key in (
        chain_account(asset),
        fees_account(asset),
        vault_account("v0", asset),
        vault_account("v1", asset),
        unswept_account("v0", asset),
        locked_account("v1", asset),
    )
]
amounts = st.one_of(st.integers(0, 12), st.integers(2**63, 2**66), st.integers(2**250, 2**256))
accounts = st.sampled_from(KEYS)


class Plain:
    """`has`: what was moved there; `held`: id -> (from, to, amount) of open holds."""

    def __init__(self) -> None:
        self.has = dict.fromkeys(KEYS, 0)
        self.taken = dict.fromkeys(KEYS, 0)
        self.given = dict.fromkeys(KEYS, 0)
        self.held: dict[str, tuple[AccountKey, AccountKey, int]] = {}

    def can_spend(self, account: AccountKey) -> int:
        return self.has[account] - sum(n for who, _, n in self.held.values() if who == account)

    def accepts(self, debit: AccountKey, credit: AccountKey, amount: int) -> bool:
        fits = all(
            total + amount < 2**256
            for total in (
                self.taken[debit] + sum(n for a, _, n in self.held.values() if a == debit),
                self.given[credit] + sum(n for _, b, n in self.held.values() if b == credit),
            )
        )
        enough = debit.kind not in BOUNDED or amount <= self.can_spend(debit)
        return debit != credit and debit.asset == credit.asset and amount > 0 and enough and fits

    def move(self, debit: AccountKey, credit: AccountKey, amount: int) -> None:
        self.has[debit] -= amount
        self.has[credit] += amount
        self.taken[debit] += amount
        self.given[credit] += amount


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.plain = Plain()
        self.count = 0

    @initialize()
    def open_accounts(self) -> None:
        self.books.open(*KEYS)

    def new_id(self) -> str:
        self.count += 1
        return f"e{self.count}"

    @rule(debit=accounts, credit=accounts, amount=amounts)
    def reserve(self, debit: AccountKey, credit: AccountKey, amount: int) -> None:
        entry = self.new_id()
        accepted = self.plain.accepts(debit, credit, amount)
        result = self.books.apply(entry, Reserve(debit, credit, amount, "s", Reason.TRANSFER))
        assert (result is Result.CREATED) == accepted, result
        if accepted:
            self.plain.held[entry] = (debit, credit, amount)

    @rule(debit=accounts, credit=accounts, amount=amounts)
    def post(self, debit: AccountKey, credit: AccountKey, amount: int) -> None:
        accepted = self.plain.accepts(debit, credit, amount)
        movement = Post(debit, credit, amount, "s", Reason.DEPOSIT)
        result = self.books.apply(self.new_id(), movement)
        assert (result is Result.CREATED) == accepted, result
        if accepted:
            self.plain.move(debit, credit, amount)

    @precondition(lambda self: self.plain.held)
    @rule(data=st.data(), part=st.fractions(0, 1))
    def settle(self, data: st.DataObject, part: float) -> None:
        held = data.draw(st.sampled_from(sorted(self.plain.held)))
        debit, credit, amount = self.plain.held[held]
        moved = int(amount * part)
        result = self.books.apply(self.new_id(), Settle(held, moved))
        if moved == 0:
            assert result is Result.AMOUNT_NOT_POSITIVE
        else:
            assert result is Result.CREATED
            del self.plain.held[held]
            self.plain.move(debit, credit, moved)

    @precondition(lambda self: self.plain.held)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(sorted(self.plain.held)))
        assert self.books.apply(self.new_id(), Void(held)) is Result.CREATED
        del self.plain.held[held]

    @precondition(lambda self: self.count)
    @rule(data=st.data(), how=st.sampled_from([Void, lambda held: Settle(held, 1)]))
    def end_what_is_no_open_hold(self, data: st.DataObject, how: type[Void]) -> None:
        entry = f"e{data.draw(st.integers(1, self.count))}"
        if entry not in self.plain.held:
            assert self.books.apply(self.new_id(), how(entry)) in (
                Result.PENDING_NOT_FOUND,
                Result.PENDING_IS_NOT_A_RESERVE,
                Result.PENDING_ALREADY_SETTLED,
                Result.PENDING_ALREADY_VOIDED,
            )

    @precondition(lambda self: self.books.entries)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """The same id with another content is refused; with the same content it stands."""
        entry = self.books.entries[data.draw(st.sampled_from(sorted(self.books.entries)))]
        again = Void(entry.pending_id) if entry.pending_id else Void("none")
        before = dict(self.books.accounts)
        assert self.books.apply(entry.id, again) is not Result.CREATED
        assert self.books.accounts == before

    @invariant()
    def the_books_are_in_order(self) -> None:
        assert find_faults(self.books.accounts.values()) == []

    @invariant()
    def both_say_the_same(self) -> None:
        for key in KEYS:
            if key.id in self.books.accounts:
                account = self.books.accounts[key.id]
                assert account.posted == self.plain.has[key]
                assert account.available == self.plain.can_spend(key)


TestLedgerRules = LedgerMachine.TestCase
TestLedgerRules.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["reserve", "post"]), accounts, accounts, amounts),
        st.tuples(st.sampled_from(["settle", "void"]), st.integers(0, 20), st.integers(0, 12)),
    ),
    max_size=20,
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps, batch=st.integers(1, 4))
def test_the_database_agrees_with_the_rules(
    sqlite_template: Path, tmp_path: Path, steps: list[tuple], batch: int
):
    """The same movements, in batches of one transaction each; a refused batch leaves no trace."""
    path = tmp_path / "ledger.sqlite3"
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    shutil.copy(sqlite_template, path)
    asyncio.run(_compare(Database(f"sqlite+aiosqlite:///{path}"), steps, batch))


async def _compare(database: Database, steps: list[tuple], batch: int) -> None:
    books = Books()
    books.open(*KEYS)
    ledger = Ledger(lambda: NOW)
    await _make_vaults(database)
    holds: list[str] = []
    numbered = [(f"e{at}", step) for at, step in enumerate(steps)]
    for start in range(0, len(numbered), batch):
        part = numbered[start : start + batch]
        ids = [entry for entry, _ in part]
        movements = [_movement(step, holds) for _, step in part]
        trial = Books(dict(books.accounts), dict(books.entries), dict(books.resolved))
        accepted = all(
            trial.apply(entry, each) is Result.CREATED
            for entry, each in zip(ids, movements, strict=True)
        )
        try:
            async with database.write() as session:
                await ledger.apply(session, movements, ids)
        except CustodyError:
            assert not accepted
        else:
            assert accepted
            books = trial
            holds += [
                entry
                for entry, each in zip(ids, movements, strict=True)
                if isinstance(each, Reserve)
            ]
    async with database.read() as session:
        faults, count = await check_books(session)
        stored = await repository.entries(session, list(books.entries))
    assert (faults, count) == ([], len(books.entries))
    assert {entry.id: entry for entry in stored} == books.entries
    async with database.write() as session:
        found = await repository.lock_accounts(session, [key.id for key in KEYS])
    for account_id, account in found.items():
        assert account == books.accounts[account_id]
    await database.close()


def _movement(step: tuple, holds: list[str]) -> Reserve | Post | Settle | Void:
    verb, *rest = step
    if verb in ("reserve", "post"):
        debit, credit, amount = rest
        kind = Reserve if verb == "reserve" else Post
        return kind(debit, credit, amount, "s", Reason.TRANSFER)
    which, amount = rest
    held = holds[which % len(holds)] if holds else "none"
    return Settle(held, amount) if verb == "settle" else Void(held)


async def _make_vaults(database: Database) -> None:
    async with database.write() as session:
        session.add(ClientRow(id="c", name="C", created_at=NOW))
        session.add(
            *(
                VaultRow(
                    id=f"v{at}",
                    client_id="c",
                    name="V",
                    account=at,
                    frozen_reason=None,
                    created_at=NOW,
                )
                for at in range(2)
            )
        )
