"""The ledger of a period: the chain of its entries, and what they did to each client's money.

Entries are custody's own words. The chain of digests (`custody ledger verify`) makes them those of
every other copy that has the same head.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b, sha256
from typing import Any, Final

from custody_verify.errors import refute, reject
from custody_verify.strict import units

POSTED: Final = ("post", "settle")
"""Kinds of entries that move something; others hold it or let it go."""
_OUTSIDE: Final = ("chain", "fees", "gas")
"""Accounts of which nothing is on an address of the house."""
_WAYS: Final = {("deposit", "chain", True): "in", ("transfer", "chain", False): "out"}
"""By reason, the account on the other side, and whether it came. All else is `foreign`."""
_LINKED: Final = "number client sequence id kind debit credit asset amount ends subject reason at"

Row = dict[str, Any]


def chained(rows: Sequence[Row], before: bytes) -> dict[int, bytes]:
    """The digest of everything up to each number; `before`: up to the one below the first."""
    first = rows[0]["number"] if rows else 1
    refute(first == 1 and any(before), "something before the first entry is left out")
    heads, digest = {first - 1: before}, before
    for row in rows:
        heads[row["number"]] = digest = sha256(digest + _linked(row)).digest()
    return heads


def _linked(row: Row) -> bytes:
    """What the chain says of an entry; an account is called by a hash of what it is."""
    said = {name: row[name] for name in _LINKED.split()}
    for side in ("debit", "credit"):
        kind, vault = row[side]
        account = f"{kind}\n{row['asset']}\n{vault or ''}".encode()
        said[side] = f"acc_{blake2b(account, digest_size=16).hexdigest()}"
    return json.dumps([*said.values()], separators=(",", ":")).encode()


def moved(rows: Sequence[Row], owners: Mapping[str, str]) -> dict[tuple[str, str], Counter[str]]:
    """By client and asset what came (above zero) and left (below): in, out, fees and foreign."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        amount, other = _crossing(row, owners)
        if amount:
            way = row["reason"], other, amount > 0
            name = "fees" if other == "fees" else _WAYS.get(way, "foreign")
            found.setdefault((row["client"], row["asset"]), Counter())[name] += amount
    return found


def _crossing(row: Row, owners: Mapping[str, str]) -> tuple[int, str]:
    """What came to the client in whose feed the entry has this number, below zero if it left; and
    the kind of account on the other side. 0 if it stayed within, or moved nothing."""
    amount, sides = units(row["amount"]), [row["debit"], row["credit"]]
    reject(any(vault is not None and vault not in owners for _, vault in sides), "an unknown vault")
    mine = [kind not in _OUTSIDE and owners[vault] == row["client"] for kind, vault in sides]
    if row["kind"] not in POSTED or mine[0] == mine[1]:
        return 0, ""
    return (amount, sides[0][0]) if mine[1] else (-amount, sides[1][0])


def signed_units(value: Any) -> int:
    found = -units(value[1:]) if value[:1] == "-" else units(value)
    reject(str(found) != value, "a number in another spelling")
    return found
