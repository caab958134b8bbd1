"""Which addresses and coins of one network are ours: asked for everything in every block.

The answer comes from memory and may, very rarely, name something that isn't ours; the database then
says so. It never misses: `refresh` reads what was added since, and it is called after a block was
fetched and before it is matched, so an address that was given out before the block existed is known
by then. One million addresses take 16 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chains.block import Inclusion, Movement
from chains.model import NetworkId
from custody.db.session import ReadSession
from custody.vaults import repository
from custody.vaults.fingerprints import FingerprintSet


def outpoint_key(network: NetworkId, txid: str, position: int) -> str:
    """The text of a coin's conflict key, as `Block.consumed` spells it."""
    return f"{network}/outpoint:{txid}:{position}"


def parse_outpoint(key: str) -> tuple[str, int]:
    """The (txid, position) of a coin's conflict key."""
    txid, position = key.rpartition("/outpoint:")[2].split(":")
    return txid, int(position)


class WatchList:
    """One per network and process."""

    def __init__(self, network: NetworkId) -> None:
        self.network = network
        self._addresses = FingerprintSet()
        self._coins = FingerprintSet()
        self._seq = 0
        self._coins_version: str | None = None

    def __len__(self) -> int:
        return len(self._addresses)

    async def refresh(self, session: ReadSession) -> None:
        """Take in the addresses that were added since, and all coins if somebody else
        changed them."""
        async for rows in repository.addresses_since(session, self.network, self._seq):
            self._take(rows)
        await self._refresh_coins(session)

    def _take(self, rows: Sequence[tuple[int, str]]) -> None:
        if rows:
            self._addresses.add_all(address for _, address in rows)
            self._seq = rows[-1][0]

    async def _refresh_coins(self, session: ReadSession) -> None:
        version = await repository.coins_version(session, self.network)
        if version == self._coins_version:
            return
        coins = FingerprintSet()
        async for places in repository.unspent_places(session, self.network):
            coins.add_all(outpoint_key(self.network, txid, at) for txid, at in places)
        self._coins, self._coins_version = coins, version

    def watch_coins(self, outpoints: Iterable[str]) -> None:
        """Coins that arrived or whose spending was undone. They stay watched when spent."""
        self._coins.add_all(outpoints)

    def wrote_coins(self, version: str) -> None:
        """The caller watches all coins of `version`, which it is writing. If it is rolled back,
        the next `refresh` finds another version and loads all coins."""
        self._coins_version = version

    def movements(self, found: Iterable[Movement]) -> list[Movement]:
        """Those of an address that is very likely ours."""
        candidates = list(found)
        likely = set(self._addresses.matching({each.address for each in candidates}))
        return [each for each in candidates if each.address in likely] if likely else []

    def sent(self, included: Iterable[Inclusion]) -> list[Inclusion]:
        """Those whose payer is very likely ours."""
        candidates = list(included)
        likely = set(self._addresses.matching({each.sender for each in candidates}))
        return [each for each in candidates if each.sender in likely] if likely else []

    def spends(self, spent: Iterable[str]) -> list[str]:
        """Those that consume a coin that is very likely ours."""
        return list(self._coins.matching(spent))
