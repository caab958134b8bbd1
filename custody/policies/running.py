"""How much of a window is used, as running sums: exact, and asked with two look-ups. Pure.

An account is all that leaves one vault in one asset, to one payee or to anybody. Every change of
what a transfer takes of it is an entry, numbered by its `place`, with the sums after it. What is on
its way (`ahead`) counts until it is signed or ended, however long that takes: whenever it is
signed, it will take from the window of that hour. What was signed (`taken`) counts from then on, so
a window holds

    all that is ahead  +  taken up to now  -  taken up to the window's edge

and the edge is one look-up, because `at` never falls: who signs after a clock was set back counts
from the newest time before, as in the signer's own sums. A transfer counts once, with the most that
any of its transactions takes. Where a second signature takes more, its entry names the one that it
replaces, and what that counted inside the window is taken out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from chains.model import AssetId
from custody.db.ids import derived_id
from signer.policy import NOTHING, Facts, Payee, Spend, Usage, Window, spends_of, taken_of

_DOMAIN: Final = b"custody-wallet/spend-account/v1\n"


class Account(NamedTuple):
    """A window without its length. `payee` None: anybody."""

    vault: str
    asset: AssetId
    payee: Payee | None

    @property
    def id(self) -> str:
        """Follows from the account for ever."""
        payee = () if self.payee is None else tuple(each for each in self.payee if each is not None)
        return derived_id("spa", _DOMAIN, self.vault, self.asset, *payee)


Shares = Mapping[str, Usage]
"""What one transfer takes of each account, by the account's id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer's newest share of one account, and the account's sums with it.

    `taken_at`: since when its taken share counts. `replaces`: the place of the entry whose taken
    share counts no longer, because this one's does. `newest_at`: the greatest `taken_at` so far.
    `replacements`: how many entries up to this one replace another.
    """

    account: str
    place: int
    transfer: str
    ahead: Usage
    taken: Usage
    taken_at: datetime | None
    replaces: int | None
    all_ahead: Usage
    all_taken: Usage
    newest_at: datetime | None
    replacements: int


def account_of(window: Window) -> Account:
    """The account that `window` looks at."""
    return Account(window.vault, window.asset, window.destination)


def shares_of(facts: Facts) -> dict[str, Usage]:
    """What a transfer takes of every account that it touches."""
    spends = spends_of(facts, facts.core.transfer, facts.offered_at)
    looked_at: dict[Payee | None, list[Spend]] = {None: list(spends)}
    costs = [spend for spend in spends if spend.destination is None]
    for spend in spends:  # of one payee, what it gets and the costs are all that counts
        if spend.destination is not None:
            looked_at.setdefault(spend.destination, list(costs)).append(spend)
    shares = {}
    for asset in dict.fromkeys(spend.asset for spend in spends):
        for payee, part in looked_at.items():
            account = Account(facts.core.vault, asset, payee)
            share = taken_of(part, Window(*account, seconds=0))
            if share != NOTHING:
                shares[account.id] = share
    return shares


def promised(newest: Entry | None, own: Entry, share: Usage) -> Entry | None:
    """`share` is on its way, in place of what the transfer had on its way before. None: that is as
    it was. `own`: the transfer's last entry, or `first`."""
    ahead = _beyond(share, own.taken)
    if ahead == own.ahead:
        return None
    return _after(newest, replace(own, ahead=ahead, replaces=None), own.ahead)


def taken(newest: Entry | None, own: Entry, share: Usage, at: datetime) -> Entry:
    """`share` was signed `at` that time."""
    most = _most(own.taken, share)
    since = at if newest is None or newest.newest_at is None else max(at, newest.newest_at)
    ahead = _beyond(_plus(own.ahead, own.taken), most)
    replaces = None if own.taken_at is None else own.place
    entry = replace(own, ahead=ahead, taken=most, taken_at=since, replaces=replaces)
    return _after(newest, entry, own.ahead, counted=most)


def freed(newest: Entry | None, own: Entry) -> Entry | None:
    """Nothing more will be signed. What was signed stays taken. None: nothing was on its way."""
    return promised(newest, own, NOTHING)


def first(account: str, transfer: str) -> Entry:
    """Of a transfer that has no entry yet: it takes nothing."""
    return Entry(
        account=account, place=0, transfer=transfer, ahead=NOTHING, taken=NOTHING, taken_at=None,
        replaces=None, all_ahead=NOTHING, all_taken=NOTHING, newest_at=None, replacements=0,
    )  # fmt: skip


def used(
    newest: Entry | None,
    edge: Usage,
    replaced: Iterable[Usage],
    own: Entry | None,
    after: datetime,
) -> Usage:
    """What the window that begins after `after` holds. `edge`: taken in all up to `after`;
    `replaced`: what counted inside the window and counts no longer; `own`: the last entry of the
    transfer whose share is left out."""
    if newest is None:
        return NOTHING
    found = _minus(_plus(newest.all_ahead, newest.all_taken), edge)
    for each in replaced:
        found = _minus(found, each)
    if own is not None:
        found = _minus(found, own.ahead)
        if own.taken_at is not None and own.taken_at > after:
            found = _minus(found, own.taken)
    assert found.amount >= 0 <= found.count, "more was taken out than was counted"
    return found


def _after(
    newest: Entry | None, entry: Entry, ahead_before: Usage, counted: Usage | None = None
) -> Entry:
    """`entry` as the account's next one. `counted`: what was signed with it, if anything was."""
    before = first(entry.account, entry.transfer) if newest is None else newest
    return replace(
        entry,
        place=before.place + 1,
        all_ahead=_minus(_plus(before.all_ahead, entry.ahead), ahead_before),
        all_taken=_plus(before.all_taken, counted or NOTHING),
        newest_at=before.newest_at if counted is None else entry.taken_at,
        replacements=before.replacements + (entry.replaces is not None),
    )


def _plus(one: Usage, other: Usage) -> Usage:
    return Usage(one.amount + other.amount, one.count + other.count)


def _minus(one: Usage, other: Usage) -> Usage:
    return Usage(one.amount - other.amount, one.count - other.count)


def _most(one: Usage, other: Usage) -> Usage:
    return Usage(max(one.amount, other.amount), max(one.count, other.count))


def _beyond(one: Usage, other: Usage) -> Usage:
    """How much `one` is more than `other`."""
    return _minus(_most(one, other), other)
