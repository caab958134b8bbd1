"""Keeps the running sums of what leaves vaults, and says how much of a window is used.

Whoever promises or takes holds the vault's row locked until the transaction ends, so that one at a
time appends to a vault's accounts. Only the signer's own sums count; these are never lower, so what
they leave room for, the signer has room for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from custody.db.session import ReadSession, WriteSession
from custody.policies import repository, running
from custody.policies.running import Entry, Shares, account_of
from custody.vaults.repository import lock_vaults
from signer.policy import NOTHING, Usage, Window

Newest = Mapping[str, Entry | None]
"""The last entry of each account that was asked about."""


class Taken(NamedTuple):
    """A transaction for the transfer was signed, `at` the signer's time, that takes so much."""

    transfer: str
    shares: Shares
    at: datetime


async def promise(
    session: WriteSession, transfer: str, shares: Shares, newest: Newest | None = None
) -> None:
    """The transfer is on its way and will take so much. `newest`: of one that never was before, in
    any version, as `usage_and_newest` found it in this transaction; saves two questions."""
    own: dict[tuple[str, str], Entry] = {}
    if newest is None:
        own = await repository.entries_of(session, [transfer])
        accounts = sorted({*shares, *_accounts(own)})
        newest = dict.fromkeys(accounts) | await repository.newest_entries(session, accounts)
    await repository.append(
        session,
        [
            entry
            for each, share in _over_all(transfer, shares, own).items()
            if (entry := running.promised(newest[each], _own(own, each, transfer), share))
        ],
    )


async def take(session: WriteSession, signed: Sequence[Taken]) -> None:
    """All that the signer has signed at once, in its order."""
    if not signed:
        return
    own = await repository.entries_of(session, [each.transfer for each in signed])
    accounts = {account for each in signed for account in each.shares} | _accounts(own)
    newest = await repository.newest_entries(session, sorted(accounts))
    entries = []
    for transfer, shares, at in signed:
        for each, share in _over_all(transfer, shares, own).items():
            entry = running.taken(newest.get(each), _own(own, each, transfer), share, at)
            newest[each] = own[transfer, each] = entry
            entries.append(entry)
    await repository.append(session, entries)


async def free(session: WriteSession, ended: Mapping[str, str]) -> None:
    """Nothing more will be signed for these transfers, each with its vault. What was signed stays
    taken. Locks the vaults where there is anything to do."""
    if not ended:
        return
    found = await repository.entries_of(session, ended)
    waiting = {transfer for (transfer, _), entry in found.items() if entry.ahead != NOTHING}
    if not waiting:
        return
    await lock_vaults(session, {ended[transfer] for transfer in waiting})
    own = {each: entry for each, entry in found.items() if each[0] in waiting}
    newest = await repository.newest_entries(session, sorted(_accounts(own)))
    entries = []
    for (_, account), entry in own.items():
        freed = running.freed(newest.get(account), entry)
        if freed is not None:
            newest[account] = freed
            entries.append(freed)
    await repository.append(session, entries)


async def usage(
    session: ReadSession,
    windows: Iterable[Window],
    now: datetime,
    *,
    besides: str | None = None,
) -> Mapping[Window, Usage]:
    """What transfers other than `besides` take of each window."""
    used, _ = await usage_and_newest(session, windows, now, {}, besides=besides)
    return used


async def usage_and_newest(
    session: ReadSession,
    windows: Iterable[Window],
    now: datetime,
    shares: Shares,
    *,
    besides: str | None = None,
) -> tuple[Mapping[Window, Usage], Newest]:
    """`usage`, and for `promise`, in a transaction that has locked the vault, the last entries of
    the accounts of `shares`."""
    wanted = {
        window: (account_of(window).id, now - timedelta(seconds=window.seconds))
        for window in windows
    }
    if not wanted and not shares:
        return {}, {}
    accounts = sorted({account for account, _ in wanted.values()})
    more = sorted(shares.keys() - accounts)
    beside = max(repository.PART - len(accounts), 0)
    newest, taken = await repository.newest_and_edges(
        session, [*accounts, *more[:beside]], dict.fromkeys(wanted.values())
    )
    newest |= await repository.newest_entries(session, more[beside:])
    own = {} if besides is None else await repository.entries_of(session, [besides])
    found = {}
    for window, edge in wanted.items():
        account, after = edge
        last = newest.get(account)
        replaced = (
            await repository.replaced_after(session, account, after)
            if last is not None and last.replacements
            else ()
        )
        mine = own.get((besides or "", account))
        found[window] = running.used(last, taken[edge], replaced, mine, after)
    return found, dict.fromkeys([*accounts, *more]) | newest


def _own(own: Mapping[tuple[str, str], Entry], account: str, transfer: str) -> Entry:
    return own.get((transfer, account)) or running.first(account, transfer)


def _accounts(own: Iterable[tuple[str, str]]) -> set[str]:
    return {account for _, account in own}


def _over_all(transfer: str, shares: Shares, own: Iterable[tuple[str, str]]) -> dict[str, Usage]:
    """Of an account that it takes nothing from any more, the share is nothing."""
    earlier = [account for named, account in own if named == transfer]
    return {**dict.fromkeys(earlier, NOTHING), **shares}
