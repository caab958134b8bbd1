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


class Taken(NamedTuple):
    """A transaction for the transfer was signed, `at` the signer's time, that takes so much."""

    transfer: str
    shares: Shares
    at: datetime


async def promise(session: WriteSession, transfer: str, shares: Shares, *, is_new: bool) -> None:
    """The transfer is on its way and will take so much. `is_new`: it never was before, in any
    version; saves a question."""
    own = {} if is_new else await repository.entries_of(session, [transfer])
    newest = await repository.newest_entries(session, sorted({*shares, *_accounts(own)}))
    await repository.append(
        session,
        [
            entry
            for each, share in _over_all(transfer, shares, own).items()
            if (entry := running.promised(newest.get(each), _own(own, each, transfer), share))
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
    wanted = {
        window: (account_of(window).id, now - timedelta(seconds=window.seconds))
        for window in windows
    }
    if not wanted:
        return {}
    accounts = sorted({account for account, _ in wanted.values()})
    newest, taken = await repository.newest_and_edges(
        session, accounts, dict.fromkeys(wanted.values())
    )
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
    return found


def _own(own: Mapping[tuple[str, str], Entry], account: str, transfer: str) -> Entry:
    return own.get((transfer, account)) or running.first(account, transfer)


def _accounts(own: Iterable[tuple[str, str]]) -> set[str]:
    return {account for _, account in own}


def _over_all(transfer: str, shares: Shares, own: Iterable[tuple[str, str]]) -> dict[str, Usage]:
    """Of an account that it takes nothing from any more, the share is nothing."""
    earlier = [account for named, account in own if named == transfer]
    return {**dict.fromkeys(earlier, NOTHING), **shares}
