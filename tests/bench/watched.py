"""A custody database that watches as many addresses as a large exchange gives out.

The addresses are made up, by SQLite itself, in the length of real ones: nobody can pay them. Some
real ones lie among them, and those are paid. Migrated by the real migrations.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from random import Random

from chains.bitcoin.address import AddressFormat
from chains.evm.address import checksum
from chains.model import Address, NetworkId
from chains.networks import Network
from custody.db.migrate import upgrade
from tests.support import families

PAID = 500
"""Addresses on each network that are real."""

_NOW = "2026-03-04 12:00:00.000000"
_FAST = (
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA cache_size=-1000000",
)
_CLIENT = "INSERT INTO clients (id, name, created_at) VALUES ('cli_1', 'A', ?)"
_VAULT = (
    "INSERT INTO vaults (id, client_id, name, account, created_at)"
    " VALUES ('vlt_1', 'cli_1', 'A', 0, ?)"
)
_COLUMNS = "id, vault_id, network, address, address_type, change, position, path, public_key"
_MADE_UP = f"""
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers LIMIT :number)
INSERT INTO addresses ({_COLUMNS}, created_at)
SELECT 'adr_' || :tag || printf('%024d', n), 'vlt_1', :network,
       :prefix || printf('%06x', n) || substr(lower(hex(randomblob(20))), 1, :length - 6),
       :type, 0, :first + n, :path || (:first + n), zeroblob(33), :now
FROM numbers
"""
_REAL = f"INSERT INTO addresses ({_COLUMNS}, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PATHS = {families.BITCOIN: "m/84'/1'/0'/0/", families.EVM: "m/44'/60'/0'/0/"}
_PREFIXES = {families.BITCOIN: ("bcrt1q", 38), families.EVM: ("0x", 40)}


@dataclass(frozen=True, slots=True)
class WatchedDatabase:
    """`paid`: by network, the addresses that deposits may go to."""

    url: str
    paid: dict[NetworkId, list[Address]]


async def make_database(path: Path, networks: list[Network], number: int) -> WatchedDatabase:
    """One vault of one client, with `number` addresses on each network."""
    url = f"sqlite+aiosqlite:///{path}"
    await upgrade(url)
    database = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in _FAST:
            database.execute(pragma)
        database.execute("BEGIN")
        database.execute(
            "INSERT INTO clients (id, name, created_at) VALUES ('cli_1', 'A', ?)", [_NOW]
        )
        database.execute(
            "INSERT INTO vaults (id, client_id, name, account, created_at)"
            " VALUES ('vlt_1', 'cli_1', 'A', 0, ?)",
            [_NOW],
        )
        paid = {network.id: _insert(database, network, number) for network in networks}
        database.execute("COMMIT")
    finally:
        database.close()
    return WatchedDatabase(url, paid)


def _insert(database: sqlite3.Connection, network: Network, number: int) -> list[Address]:
    paid = _real_addresses(network)
    kind, path = network.address_types[0].value, _PATHS[network.family]
    tag = network.family[:2]
    database.executemany(
        _REAL,
        [
            (f"adr_{tag}x{at}", "vlt_1", network.id, address, kind, 0, at, f"{path}{at}", b"", _NOW)
            for at, address in enumerate(paid)
        ],
    )
    prefix, length = _PREFIXES[network.family]
    values = {"number": number - len(paid), "tag": tag, "network": network.id, "prefix": prefix}
    values |= {"length": length, "type": kind, "first": len(paid), "path": path, "now": _NOW}
    database.execute(_MADE_UP, values)
    return paid


def _real_addresses(network: Network) -> list[Address]:
    random = Random(network.id)
    keys = [random.randbytes(20) for _ in range(PAID)]
    if network.family == families.EVM:
        return [checksum(key) for key in keys]
    addresses = AddressFormat(network)
    found = [addresses.address_of(b"\x00\x14" + key) for key in keys]
    return [address for address in found if address is not None]
