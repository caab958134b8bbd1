"""Compares, for every vault and asset, what the ledger says with what the chain says.

The two are compared at one height: the follower's, where the node can answer for an earlier block.
Where it can't, its answer is taken between two looks at the tip, and the books are read once the
follower has passed the second; if anything of the vault moved in between, the question was not
fair and is asked again later. What the books say must be on the chain:

    posted and pending credits of the vault (and of its unswept addresses)
    - what left with transactions that are in a block but not settled yet

A difference is looked at twice before it counts; what follows from it is in `actions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.costs import by_asset, sum_of, withheld_in
from chains.errors import ChainError, NodeError
from chains.model import Address, AssetId, BlockRef, NetworkId
from chains.networks import Network
from chains.transaction import TxState
from custody.db.session import Database
from custody.following import chain_repository
from custody.ledger.model import Fault
from custody.ledger.service import Ledger
from custody.reconcile import repository
from custody.reconcile.actions import act_on_books, act_on_vault
from custody.reconcile.books import check_books
from custody.reconcile.counting import Counting
from custody.reconcile.keeping import keep
from custody.reconcile.report import (
    DIFFERENT,
    Cause,
    Line,
    Report,
    Verdict,
    Wanted,
    compare,
)
from custody.reconcile.repository import Outgoing, Snapshot
from custody.reconcile.tracing import trace
from custody.restraints.service import ask
from custody.vaults.debts import cover_and_tell

_PATIENCE_S = 5
"""How long the follower may take to reach the block that the node answered for."""
_VAULT_TIMEOUT_S = 600
"""How long all questions about one vault on one network may take."""
_POLL = timedelta(milliseconds=50)
_BY_ITSELF = Wanted(Cause.INTERVAL)


class _Unfair(Exception):
    """Ledger and chain could not be asked about one moment."""


class Reconciliation:
    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        networks: Mapping[NetworkId, Network],
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
        *,
        patience_s: float = _PATIENCE_S,
        vault_timeout_s: float = _VAULT_TIMEOUT_S,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._networks = networks
        self._adapters = adapters
        self._clock = clock
        self._patience_s = patience_s
        self._vault_timeout_s = vault_timeout_s

    async def run(
        self, *, vault: str | None = None, cause: Cause = Cause.ASKED, by: str | None = None
    ) -> Report:
        """Check the books as a whole, then every vault (or the one named) on every network that is
        served. Freezes and alarms; never raises for what a node does."""
        faults, entries = await self.check_books()
        wanted = Wanted(cause, by, vault)
        results = await asyncio.gather(
            *(self.check_network(network, wanted) for network in self._networks.values())
        )
        lines = tuple(line for _, lines in results for line in lines)
        kept = tuple(report for report, _ in results)
        return Report(lines, tuple(faults), entries, self._clock(), kept)

    async def check_books(self) -> tuple[list[Fault], int]:
        """Add up all entries and act on what is wrong. The faults, and how many entries."""
        async with self._database.read() as session:
            faults, entries = await check_books(session)
        await act_on_books(self._database, faults, self._clock())
        return faults, entries

    async def check_network(
        self, network: Network, why: Wanted = _BY_ITSELF
    ) -> tuple[str, list[Line]]:
        """Every vault (or the one named) on one network, one after the other. What a vault's lines
        say is acted on at once: neither a slow network nor a vault of many addresses makes another
        wait for its alarm. The report is kept when all are done; its id and the lines."""
        began = self._clock()
        vaults = None if why.vault is None else [why.vault]
        async with self._database.read() as session:
            wanted = [
                vault
                for vault in await repository.vaults_on(session, network.id)
                if vaults is None or vault in vaults
            ]
            owing = await repository.owing(session, network.id)
            adapter = self._adapters[network.id]
            everyone: Sequence[Address] = ()
            if adapter.codec.traits.coins:
                everyone = await repository.addresses_of(session, network.id, vaults)
        for vault in owing:  # what arrived since, or is held no more, pays it
            await cover_and_tell(self._database, self._ledger, vault, self._clock())
        checked: list[Line] = []
        seen: set[tuple[str, AssetId, int]] = set()
        async with Counting(adapter, network.native.id, everyone) as counting:
            for vault in wanted:
                lines = await self._check_in_time(network, vault, counting)
                if why.cause is Cause.INTERVAL:
                    seen |= await self._seen_before(lines)
                await act_on_vault(
                    self._database, self._ledger, network.id, vault, lines, self._clock()
                )
                checked += lines
                with suppress(ChainError):  # it is asked again, and what was said before stands
                    await self._ask_restraints(network, vault, lines)
        for at, line in enumerate(checked):  # last: no vault's alarm waits for it
            if line.verdict in DIFFERENT and (line.vault, line.asset, line.surplus) not in seen:
                checked[at] = await trace(self._database, network.id, adapter, line)
        report = await keep(self._database, network.id, why, checked, began, self._clock())
        return report, checked

    async def _seen_before(self, lines: Sequence[Line]) -> set[tuple[str, AssetId, int]]:
        """What differed by just so much the last time. It was traced then."""
        if all(line.verdict not in DIFFERENT for line in lines):
            return set()
        async with self._database.read() as session:
            kept = await repository.kept_lines(session, lines[0].vault)
        return {
            (row.vault_id, AssetId(row.asset), row.chain - row.ledger)
            for row in kept
            if row.chain is not None and row.ledger is not None
        }

    async def _ask_restraints(self, network: Network, vault: str, lines: Sequence[Line]) -> None:
        """Of the tokens that the vault has."""
        assets = [each.asset for each in lines if each.asset in network.tokens]
        if not assets:
            return
        async with self._database.read() as session:
            addresses = await repository.addresses_of(session, network.id, [vault])
        pairs = [(vault, asset, address) for asset in assets for address in addresses]
        await ask(self._database, network, self._adapters[network.id], pairs, self._clock)

    async def _check_in_time(
        self, network: Network, vault: str, counting: Counting
    ) -> tuple[Line, ...]:
        try:
            async with asyncio.timeout(self._vault_timeout_s):
                return await self._check_vault(network, vault, counting)
        except TimeoutError:
            return (_inconclusive(network, vault, "the node takes too long"),)

    async def _check_vault(
        self, network: Network, vault: str, counting: Counting
    ) -> tuple[Line, ...]:
        """One line per asset of the vault on the network. Changes nothing.

        Two looks must agree on the verdict, not on the amount: who moves money in every block must
        not be able to keep us from coming to one.
        """
        lines = await self._look(network, vault, counting, 0)
        if all(line.verdict not in DIFFERENT for line in lines):
            return lines
        before = {line.asset: line.verdict for line in lines}
        if not await self._wait_for_a_block(network):
            reason = "differs, to be confirmed after the next block"
            return tuple(_doubt(line, reason) for line in lines)
        again = await self._look(network, vault, counting, 1)
        return tuple(
            line
            if before.get(line.asset) is line.verdict
            else _doubt(line, "changed while it was looked at")
            for line in again
        )

    async def _wait_for_a_block(self, network: Network) -> bool:
        """Nodes of account chains that can't look back may also count what still waits to be in a
        block; such a difference is gone with the next one. Elsewhere there is nothing to wait for.
        """
        adapter = self._adapters[network.id]
        if _looks_only_at_blocks(adapter):
            return True
        try:
            first = await adapter.tip()
            deadline = self._deadline()
            while await adapter.tip() == first:
                if self._is_over(deadline):
                    return False
                await asyncio.sleep(_POLL.total_seconds())
        except NodeError:
            return False
        return True

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._patience_s

    def _is_over(self, deadline: float) -> bool:
        return asyncio.get_running_loop().time() > deadline

    async def _look(
        self, network: Network, vault: str, counting: Counting, number: int
    ) -> tuple[Line, ...]:
        try:
            if self._adapters[network.id].capabilities.historic_balance:
                return await self._look_back(network, vault)
            return await self._look_now(network, vault, counting, number)
        except NodeError as error:
            return (_inconclusive(network, vault, error.code),)
        except _Unfair as error:
            return (_inconclusive(network, vault, str(error)),)

    async def _look_back(self, network: Network, vault: str) -> tuple[Line, ...]:
        """At the follower's position."""
        async with self._database.read() as session:
            books = await repository.snapshot(session, network.id, vault)
            addresses = await repository.addresses_of(session, network.id, [vault])
        position = books.position
        if position is None:
            raise _Unfair("nothing was followed yet")
        adapter = self._adapters[network.id]
        balances = {
            asset: sum((await adapter.balances(addresses, asset, position)).values())
            for asset in _assets(network, books)
        }
        lines = await self._compare(network, vault, books, position, position, balances)
        if any(line.verdict in DIFFERENT for line in lines):
            block = await self._adapters[network.id].block(position.height)
            if block is None or block.ref != position:
                raise _Unfair("the node is on another chain than the follower")
        return lines

    async def _look_now(
        self, network: Network, vault: str, counting: Counting, number: int
    ) -> tuple[Line, ...]:
        """At the node's tip; the books follow."""
        async with self._database.read() as session:
            books = await repository.snapshot(session, network.id, vault)
            addresses = await repository.addresses_of(session, network.id, [vault])
        counted = await counting.look(number, addresses, _assets(network, books))
        balances = counted.sums(addresses)
        if balances is None:
            raise _Unfair("an address is newer than the count")
        after, until = counted.after, counted.until
        books = await self._books_after(network, vault, after, until)
        if books.moved_at is not None and books.moved_at > after.height:
            raise _Unfair("something moved meanwhile")
        return await self._compare(network, vault, books, after, until, balances)

    async def _books_after(
        self, network: Network, vault: str, after: BlockRef, until: BlockRef
    ) -> Snapshot:
        """The books once the follower has seen both blocks on its chain."""
        deadline = self._deadline()
        while True:
            async with self._database.read() as session:
                books = await repository.snapshot(session, network.id, vault)
                hashes = await chain_repository.hashes_at(
                    session, network.id, [after.height, until.height]
                )
            if all(hashes.get(ref.height) == ref.hash for ref in (after, until)):
                return books
            if self._is_over(deadline):
                raise _Unfair("the follower is behind the node")
            await asyncio.sleep(_POLL.total_seconds())

    async def _compare(
        self,
        network: Network,
        vault: str,
        books: Snapshot,
        after: BlockRef,
        until: BlockRef,
        balances: Mapping[AssetId, int],
    ) -> tuple[Line, ...]:
        """`balances` were true at some moment from block `after` to block `until`."""
        left = await self._left(network, books.outgoing, after, until)
        return tuple(
            Line(
                vault=vault,
                network=network.id,
                asset=asset,
                height=after.height,
                block_hash=after.hash,
                ledger=(expected := books.owned.get(asset, 0) - left.get(asset, 0)),
                chain=balance,
                verdict=compare(expected, balance),
                owned=books.owned.get(asset, 0),
            )
            for asset, balance in sorted(balances.items())
        )

    async def _left(
        self, network: Network, outgoing: Sequence[Outgoing], after: BlockRef, until: BlockRef
    ) -> dict[AssetId, int]:
        """What is gone from the chain but not from the ledger, by asset."""
        adapter = self._adapters[network.id]
        left: dict[AssetId, int] = {}
        asked = [each.txid for each in outgoing if each.seen is None]
        answers = iter(await adapter.statuses(asked) if asked else [])
        for each in outgoing:
            status = found(next(answers)) if each.seen is None else each.seen
            if status.state is TxState.PENDING and not _looks_only_at_blocks(adapter):
                raise _Unfair("a transfer waits to be in a block")
            if status.block is None or status.block.height > until.height:
                continue
            if status.block.height > after.height:
                raise _Unfair("something moved meanwhile")
            costs = by_asset(sum_of((status.costs, status.held))) if each.ours else {}
            kept = withheld_in(status.costs) if each.stays else {}
            for asset, units in (*costs.items(), *kept.items()):
                left[asset] = left.get(asset, 0) + units
            for asset, units in by_asset(status.returned).items() if each.ours else ():
                left[asset] = left.get(asset, 0) - units
            if status.state is TxState.INCLUDED:
                for asset, units in each.paid.items():
                    left[asset] = left.get(asset, 0) + units
        return left


def _assets(network: Network, books: Snapshot) -> list[AssetId]:
    """What is asked of the chain: the native coin always, and whatever the books have."""
    return sorted({network.native.id, *books.owned})


def _inconclusive(network: Network, vault: str, reason: str) -> Line:
    return Line(
        vault, network.id, network.native.id, None, None, None, Verdict.INCONCLUSIVE, reason
    )


def _looks_only_at_blocks(adapter: ChainAdapter) -> bool:
    """Whether `balance` leaves out what still waits to be in a block."""
    return adapter.codec.traits.coins or adapter.capabilities.historic_balance


def _doubt(line: Line, reason: str) -> Line:
    """The same line, unless it says equal, as something to ask again."""
    if line.verdict is Verdict.EQUAL:
        return line
    return replace(line, verdict=Verdict.INCONCLUSIVE, reason=reason)
