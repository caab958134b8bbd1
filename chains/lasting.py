"""What rows fix for good: addresses, keys and money hang on it, so that no later row may differ.

Who publishes rows (the signer) keeps a `Lasting` of every row that was ever in force. It is made
from rows as they were written, so that a row which this program can't read any more still counts.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from chains.catalogue import Catalogue, Row, built_in
from chains.errors import NetworkFixed
from chains.families import CODECS
from chains.networks import Family, Finality, Network

_NETWORK: Final = ("family", "environment", "address_types", "native")
_ASSET: Final = ("kind", "decimals")
_FREE: Final = ("name", "finality", "follow_depth", "block_ms", "costs_max")
"""What a row of an operator may say otherwise about a built-in network."""


class Lasting:
    """What was ever in force. Begins with what is built in."""

    def __init__(self) -> None:
        self._networks: dict[str, Mapping[str, Any]] = {}
        self._assets: dict[str, Mapping[str, Any]] = {}
        self._aliases: dict[str, str] = {}
        known = built_in()
        self.add(known.network_rows.values(), known.asset_rows.values())

    def add(self, networks: Iterable[object], assets: Iterable[object]) -> None:
        """Rows that are in force from now on. What was fixed before stays; what is no row is
        passed over."""
        for row in networks:
            if isinstance(row, Mapping) and isinstance(row.get("id"), str):
                self._networks.setdefault(row["id"], _of_network(row))
                if isinstance(row.get("alias"), str):
                    self._aliases.setdefault(row["alias"], row["id"])
        for row in assets:
            if isinstance(row, Mapping) and isinstance(row.get("id"), str):
                fixed = {name: row[name] for name in _ASSET if name in row}
                self._assets.setdefault(row["id"], fixed)

    def check(self, catalogue: Catalogue) -> None:
        """Whether `catalogue` may be in force next. Raises NetworkFixed."""
        for name, fixed in self._networks.items():
            _check_kept(name, fixed, catalogue.network_rows, _of_network)
        for name, fixed in self._assets.items():
            _check_kept(name, fixed, catalogue.asset_rows, dict)
        for network in catalogue.networks.values():
            before = self._aliases.get(network.alias, network.id)
            if before != network.id:
                raise NetworkFixed(f"has named {before}", row=network.alias, member="alias")
        _check_built_in(catalogue)


def _of_network(row: Row) -> dict[str, Any]:
    fixed = {name: row[name] for name in _NETWORK if name in row}
    family, parameters = row.get("family"), row.get("parameters")
    if isinstance(family, str) and family in CODECS and isinstance(parameters, Mapping):
        names = CODECS[Family(family)].schema.lasting
        fixed |= {f"parameters.{n}": parameters[n] for n in sorted(names) if n in parameters}
    return fixed


def _check_kept(name: str, fixed: Mapping[str, Any], rows: Mapping[Any, Row], lasting: Any) -> None:
    row = rows.get(name)
    if row is None:
        raise NetworkFixed("has been in force and can't be left out", row=name)
    for member, value in fixed.items():
        found = lasting(row).get(member)
        if found != value:
            raise NetworkFixed(
                f"has been {value} and can't become {found}", row=name, member=member
            )


def _check_built_in(catalogue: Catalogue) -> None:
    """An operator's row makes a built-in network no weaker: fewer proofs of finality, more blocks,
    a longer memory. What else stands in it was tested with the code."""
    for name, row in built_in().network_rows.items():
        found = catalogue.network_rows[name]
        for member in sorted(row.keys() | found.keys()):
            if member not in _FREE and found.get(member) != row.get(member):
                raise NetworkFixed("is built in", row=found["alias"], member=member)
        ours, theirs = built_in().networks[name], catalogue.networks[name]
        _check_no_weaker(ours, theirs)


def _check_no_weaker(ours: Network, theirs: Network) -> None:
    if is_weaker(theirs.finality, ours.finality):
        raise NetworkFixed("is lower than the built-in one", row=theirs.alias, member="finality")
    if theirs.follow_depth < ours.follow_depth:
        raise NetworkFixed(
            f"is lower than the built-in {ours.follow_depth}",
            row=theirs.alias,
            member="follow_depth",
        )


def is_weaker(finality: Finality, than: Finality) -> bool:
    """Whether some block could be final by the one before it is by the other."""
    if finality.node and not than.node:
        return True
    if finality.confirmations is None:
        return False
    return than.confirmations is None or finality.confirmations < than.confirmations
