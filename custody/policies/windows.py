"""Keeps the running sums of what leaves vaults, and says how much of a window is used.

Whoever calls what writes holds the vault's row locked until the transaction ends, so that one at a
time appends to a vault's accounts. Only the signer's own sums count; these are never lower, so what
they leave room for, the signer has room for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from custody.db.session import ReadSession, WriteSession
from custody.policies import repository, running
from custody.policies.running import Entry, Shares, account_of
from signer.policy import NOTHING, Usage, Window


async def promise(session: WriteSession, transfer: str, shares: Shares, *, is_new: bool) -> None:
    """The transfer is on its way and will take so much. `is_new`: it never was before, in any
    version; saves a question."""
    own = {} if is_new else await repository.entries_of(session, transfer)
    newest = await repository.newest_entries(session, sorted({*shares, *own}))
    entries = [
        running.promised(newest.get(each), _own(own, each, transfer), share)
        for each, share in _over_all(shares, own).items()
    ]
    await repository.append(session, [entry for entry in entries if entry is not None])


async def take(session: WriteSession, transfer: str, shares: Shares, at: datetime) -> None:
    """A transaction for the transfer was signed, `at` the signer's time, that takes so much."""
    own = await repository.entries_of(session, transfer)
    newest = await repository.newest_entries(session, sorted({*shares, *own}))
    entries = [
        running.taken(newest.get(each), _own(own, each, transfer), share, at)
        for each, share in _over_all(shares, own).items()
    ]
    await repository.append(session, entries)


async def free(session: WriteSession, transfer: str) -> None:
    """Nothing more will be signed for it. What was signed stays taken."""
    own = await repository.entries_of(session, transfer)
    if own:
        newest = await repository.newest_entries(session, sorted(own))
        entries = [running.freed(newest.get(each), entry) for each, entry in own.items()]
        await repository.append(session, [entry for entry in entries if entry is not None])


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
    own = {} if besides is None else await repository.entries_of(session, besides)
    found = {}
    for window, edge in wanted.items():
        account, after = edge
        last = newest.get(account)
        replaced = (
            await repository.replaced_after(session, account, after)
            if last is not None and last.replacements
            else ()
        )
        found[window] = running.used(last, taken[edge], replaced, own.get(account), after)
    return found


def _own(own: Mapping[str, Entry], account: str, transfer: str) -> Entry:
    return own.get(account) or running.first(account, transfer)


def _over_all(shares: Shares, own: Mapping[str, Entry]) -> dict[str, Usage]:
    """Of an account that it takes nothing from any more, the share is nothing."""
    return {**dict.fromkeys(own, NOTHING), **shares}
