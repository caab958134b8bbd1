"""Custody's running sums of windows, against the plain sum and against the signer's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.model import Address, AssetId
from custody.policies import running
from custody.policies.running import Account, Entry
from signer.chain import Record
from signer.policy import NOTHING, Payee, Spend, Usage, Window, taken_of
from signer.usage import RollingSums

START = datetime(2030, 1, 1, tzinfo=UTC)
VAULT = "vlt"
NATIVE, TOKEN = AssetId("test:1/native:1"), AssetId("test:1/token:2")
PAYEES = (Payee(Address("a")), Payee(Address("b")), Payee(Address("a"), "memo"))
LENGTHS = (1, 60, 3600)
ACCOUNTS = [Account(VAULT, a, p) for a in (NATIVE, TOKEN) for p in (None, *PAYEES)]
TRANSFERS = 4


def shares_of(asset: AssetId, payee: Payee, amount: int, cost: int) -> dict[Account, Usage]:
    spends = spends_for("", asset, payee, amount, cost, START)
    taken = {each: taken_of(spends, Window(*each, seconds=0)) for each in ACCOUNTS}
    return {account: share for account, share in taken.items() if share != NOTHING}


def spends_for(
    transfer: str, asset: AssetId, payee: Payee, amount: int, cost: int, at: datetime
) -> tuple[Spend, ...]:
    return (
        Spend(transfer, VAULT, asset, payee, amount, at),
        Spend(transfer, VAULT, NATIVE, None, cost, at),
    )


@dataclass
class Books:
    """The entries of every account, kept in memory as the database keeps them."""

    entries: dict[Account, list[Entry]] = field(default_factory=dict)

    def newest(self, account: Account) -> Entry | None:
        kept = self.entries.get(account, [])
        return kept[-1] if kept else None

    def own(self, account: Account, transfer: str) -> Entry | None:
        mine = [e for e in self.entries.get(account, []) if e.transfer == transfer]
        return mine[-1] if mine else None

    def add(self, account: Account, entry: Entry | None) -> None:
        if entry is not None:
            kept = self.entries.setdefault(account, [])
            assert [each.place for each in [*kept, entry]] == list(range(1, len(kept) + 2))
            kept.append(entry)

    def over(self, transfer: str, shares: dict[Account, Usage]) -> Iterator[tuple[Account, Usage]]:
        for account in ACCOUNTS:
            if account in shares or self.own(account, transfer) is not None:
                yield account, shares.get(account, NOTHING)

    def promise(self, transfer: str, shares: dict[Account, Usage]) -> None:
        for account, share in self.over(transfer, shares):
            own = self.own(account, transfer) or running.first(account.id, transfer)
            self.add(account, running.promised(self.newest(account), own, share))

    def take(self, transfer: str, shares: dict[Account, Usage], at: datetime) -> None:
        for account, share in self.over(transfer, shares):
            own = self.own(account, transfer) or running.first(account.id, transfer)
            self.add(account, running.taken(self.newest(account), own, share, at))

    def free(self, transfer: str) -> None:
        for account, _ in self.over(transfer, {}):
            own = self.own(account, transfer)
            assert own is not None
            self.add(account, running.freed(self.newest(account), own))

    def usage(self, account: Account, after: datetime, besides: str | None) -> Usage:
        entries = self.entries.get(account, [])
        up_to = [e for e in entries if e.newest_at is not None and e.newest_at <= after]
        replaced = [
            entries[each.replaces - 1].taken
            for each in entries
            if each.replaces is not None and (at := entries[each.replaces - 1].taken_at) is not None
            if at > after
        ]
        own = None if besides is None else self.own(account, besides)
        edge = up_to[-1].all_taken if up_to else NOTHING
        return running.used(self.newest(account), edge, replaced, own, after)


@dataclass
class Plain:
    """The same, by the words of the rule: each transfer's shares, added up when asked."""

    ahead: dict[tuple[str, Account], Usage] = field(default_factory=dict)
    taken: dict[tuple[str, Account], tuple[datetime, Usage]] = field(default_factory=dict)
    newest: dict[Account, datetime] = field(default_factory=dict)

    def promise(self, transfer: str, shares: dict[Account, Usage]) -> None:
        """So much in all: what was taken already is a part of it."""
        for account in ACCOUNTS:
            share = shares.get(account, NOTHING)
            _, taken = self.taken.get((transfer, account), (START, NOTHING))
            self.ahead[transfer, account] = beyond(share, taken)

    def take(self, transfer: str, shares: dict[Account, Usage], at: datetime) -> None:
        for account in ACCOUNTS:
            _, before = self.taken.get((transfer, account), (START, NOTHING))
            ahead = self.ahead.get((transfer, account), NOTHING)
            share = shares.get(account, NOTHING)
            if NOTHING == before == share and ahead == NOTHING:
                continue
            self.newest[account] = max(at, self.newest.get(account, at))
            most = Usage(max(before.amount, share.amount), max(before.count, share.count))
            self.taken[transfer, account] = self.newest[account], most
            whole = Usage(ahead.amount + before.amount, ahead.count + before.count)
            self.ahead[transfer, account] = beyond(whole, most)

    def free(self, transfer: str) -> None:
        for account in ACCOUNTS:
            self.ahead[transfer, account] = NOTHING

    def usage(self, account: Account, after: datetime, besides: str | None) -> Usage:
        counted = [s for (t, a), s in self.ahead.items() if a == account and t != besides]
        counted += [
            share
            for (t, a), (at, share) in self.taken.items()
            if a == account and t != besides and at > after
        ]
        return Usage(sum(s.amount for s in counted), sum(s.count for s in counted))


def beyond(one: Usage, other: Usage) -> Usage:
    return Usage(max(0, one.amount - other.amount), max(0, one.count - other.count))


amounts = st.one_of(st.integers(1, 5), st.just(2**256 - 1))
terms = st.tuples(st.sampled_from([NATIVE, TOKEN]), st.sampled_from(PAYEES), amounts)
steps = st.lists(
    st.tuples(
        st.sampled_from(["promise", "take", "free"]),
        st.integers(0, TRANSFERS - 1),
        st.integers(1, 4),
        st.integers(-90, 90),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(terms, min_size=TRANSFERS, max_size=TRANSFERS), steps, st.data())
def test_running_sums_are_the_plain_sums(
    paid: list[tuple[AssetId, Payee, int]],
    history: list[tuple[str, int, int, int]],
    data: st.DataObject,
):
    """Whatever is promised, signed, signed again for more or less, or ended, and whatever the
    clocks do. `paid`: what each transfer pays; its cost may differ from version to version."""
    books, plain, now = Books(), Plain(), START
    for what, number, cost, seconds in history:
        transfer, now = f"tfr_{number}", now + timedelta(seconds=seconds)
        shares = shares_of(*paid[number], cost)
        for each in (books, plain):
            if what == "promise":
                each.promise(transfer, shares)
            elif what == "take":
                each.take(transfer, shares, now)
            else:
                each.free(transfer)
        asked = now + timedelta(seconds=data.draw(st.integers(-90, 90)))
        besides = data.draw(st.sampled_from([None, *(f"tfr_{n}" for n in range(TRANSFERS))]))
        for account in ACCOUNTS:
            for length in LENGTHS:
                after = asked - timedelta(seconds=length)
                assert books.usage(account, after, besides) == plain.usage(account, after, besides)


@settings(max_examples=200, deadline=None)
@given(st.lists(terms, min_size=TRANSFERS, max_size=TRANSFERS), steps)
def test_never_less_than_the_signer_counts(
    paid: list[tuple[AssetId, Payee, int]], history: list[tuple[str, int, int, int]]
):
    """The signer's rolling sums, fed with the same signatures, are the judge's to be."""
    books, now, costs = Books(), START, dict.fromkeys(range(TRANSFERS), 0)
    journal: list[tuple[Record, datetime]] = []
    sums = RollingSums(lambda _, after: iter([each for each in journal if each[1] > after]))
    windows = [Window(*account, seconds=max(LENGTHS)) for account in ACCOUNTS]
    for what, number, cost, seconds in history:
        transfer, now = f"tfr_{number}", now + timedelta(seconds=seconds)
        if what == "promise":
            books.promise(transfer, shares_of(*paid[number], cost))
        elif what == "take":
            books.take(transfer, shares_of(*paid[number], cost), now)
            costs[number] = max(cost, costs[number])
            spends = spends_for(transfer, *paid[number], costs[number], now)
            journal.append((record_of(spends), now))
            sums.put(spends)
        else:
            books.free(transfer)
        for window in windows:
            after = now - timedelta(seconds=window.seconds)
            ours = books.usage(Account(*window[:3]), after, "tfr_0")
            theirs = sums.usage(window, now, ["tfr_0"])
            assert ours.amount >= theirs.amount
            assert ours.count >= theirs.count


def record_of(spends: tuple[Spend, ...]) -> Record:
    """A `signed` record, as far as the sums look at it."""
    body = {
        "transfer": spends[0].transfer,
        "vault": VAULT,
        "spends": [(each.asset, each.destination, str(each.amount)) for each in spends],
    }
    return cast(Record, SimpleNamespace(body=body))


def test_each_payee_and_asset_has_an_account_of_its_own():
    assert len({account.id for account in ACCOUNTS}) == len(ACCOUNTS)
    assert Account(VAULT, NATIVE, None).id != Account("vlt2", NATIVE, None).id


def test_a_sum_below_nothing_is_never_believed():
    entry = running.promised(None, running.first("spa", "tfr"), Usage(5, 1))
    with pytest.raises(AssertionError, match="more was taken out"):
        running.used(entry, Usage(6, 1), (), None, START)
