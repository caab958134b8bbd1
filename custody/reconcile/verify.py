"""Recomputes the whole ledger and compares it with all that stands beside it, in one snapshot.

Entries are read in parts and everything else is asked of the database, so memory does not grow with
them. Changes nothing, raises no alarm and asks no node: what a chain says is `reconcile`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from custody.db.session import Database, ReadSession
from custody.following.reading_repository import every_row_with
from custody.following.readings import GAPS
from custody.ledger.chain import Head
from custody.reconcile import verify_repository as wrong
from custody.reconcile.books import check_books
from custody.reconcile.verify_chain import check_chain
from custody.reconcile.verify_repository import Query

SHOWN: Final = 20
"""The most ids that a finding names."""


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is for programs. `words`: what holds if no query finds anything."""

    name: str
    words: str
    queries: tuple[Query, ...]


CHECKS: Final = (
    Check("held", "all that is held is held for something open", (wrong.held_for_nothing,)),
    Check(
        "reservations",
        "transfers hold and took what their entries say",
        (wrong.transfers_that_hold_otherwise,),
    ),
    Check(
        "transfers",
        "final transfers paid their amount, all that ended otherwise paid nobody",
        (wrong.transfers_paid_otherwise,),
    ),
    Check(
        "deposits",
        "pending deposits are held, credited ones settled, reversed ones taken back",
        (wrong.deposits_booked_otherwise,),
    ),
    Check(
        "debits",
        "pending foreign debits are held, booked ones settled",
        (wrong.debits_booked_otherwise,),
    ),
    Check(
        "claims",
        "what open transactions consume is taken, and nothing else",
        (wrong.claims_of_nothing, wrong.transactions_without_claims),
    ),
    Check(
        "segregation",
        "no entry, deposit, debit, transfer or coin mixes two clients or two vaults",
        (
            wrong.entries_between_clients,
            wrong.entries_of_other_vaults,
            *wrong.rows_of_other_clients(),
            *wrong.money_at_addresses_of_others(),
        ),
    ),
    Check(
        "numbers",
        "every entry has its number or waits for it, and no feed has a gap",
        (wrong.entries_without_a_number, *wrong.feeds_with_gaps()),
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """`ids`: the first of what is wrong; none if nothing is. `more`: there are others."""

    name: str
    words: str
    ids: tuple[str, ...] = ()
    more: bool = False

    @property
    def passed(self) -> bool:
        return not self.ids


@dataclass(frozen=True, slots=True)
class Verified:
    """`head`: of all entries that have a number. `notes`: blocks of which something may be missing;
    a rescan fills them, and the books are in order all the same."""

    entries: int
    head: Head
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(each.passed for each in self.findings)


async def verify(database: Database, noted: Head | None = None) -> Verified:
    """Everything, from one moment. `noted`: a head of the ledger that somebody kept elsewhere."""
    async with database.read() as session:
        faults, entries = await check_books(session)
        told = [f"{fault.vault or 'all'} {fault.asset}: {fault.message}" for fault in faults]
        words = "debits equal credits, no account is below zero, totals are the sums of entries"
        findings = [_finding("books", words, told)]
        findings += [await _run(session, check) for check in CHECKS]
        differing, head = await check_chain(session, noted)
        words = "the chain of entries has every head that was kept"
        findings.append(_finding("chain", words, differing))
        notes = await _notes(session)
    return Verified(entries, head, tuple(findings), notes)


async def _notes(session: ReadSession) -> tuple[str, ...]:
    rows = await every_row_with(session, [each.value for each in GAPS], SHOWN)
    return tuple(
        f"{row.network} blocks {row.first_height} to {row.last_height} were read {row.reading}"
        for row in rows
    )


async def _run(session: ReadSession, check: Check) -> Finding:
    found: list[str] = []
    for query in check.queries:
        found += await wrong.ids(session, query, SHOWN + 1)
    return _finding(check.name, check.words, found)


def _finding(name: str, words: str, found: Sequence[str]) -> Finding:
    distinct = tuple(dict.fromkeys(found))
    return Finding(name, words, distinct[:SHOWN], len(distinct) > SHOWN)
