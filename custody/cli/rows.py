"""Networks and assets of a policy: read from an operator's file, and said in words.

An administrator signs rows without reading JSON: each is one sentence here, and of a row that
changes what was and what becomes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from chains.assets import Amount, Asset
from chains.catalogue import Catalogue, Row, built_in
from chains.contracts.described import Described
from chains.contracts.nested import Reader
from chains.contracts.rows import places_of
from chains.contracts.types import Kind
from chains.errors import NetworkInvalid
from chains.lasting import is_weaker
from chains.networks import Finality, Network
from custody.cli.output import Misuse

_WIDTH: Final = 16


def read_rows(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The networks and the assets of an operator's file: two tables, by alias and by id, written as
    the built-in ones. Raises Misuse."""
    return parse_rows(path.read_text(encoding="utf-8"), path)


def parse_rows(text: str, path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`read_rows` of the file's text."""
    try:
        found = tomllib.loads(text)
    except ValueError as error:
        raise Misuse(f"{path}: {error}") from None
    if found.keys() - {"networks", "assets"}:
        raise Misuse(f"{path}: two tables, networks and assets, and nothing else")
    networks, assets = found.get("networks", {}), found.get("assets", {})
    for table in (networks, assets):
        if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
            raise Misuse(f"{path}: networks and assets are tables of tables")
    return (
        [{"alias": alias, **row} for alias, row in networks.items()],
        [{"id": name, **row} for name, row in assets.items()],
    )


def with_rows(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The document with the file's rows, each in place of the one with its id. Raises Misuse."""
    networks, assets = read_rows(path)
    merged = {
        **document,
        "networks": _merged(document.get("networks"), networks),
        "assets": _merged(document.get("assets"), assets),
    }
    try:
        built_in().with_rows(merged["networks"], merged["assets"], merged.get("contracts") or [])
    except NetworkInvalid as error:
        raise Misuse(f"{path}: {error.code}: {error}") from None
    return merged


def own_lines(catalogue: Catalogue) -> Iterator[str]:
    """What is not as it is built in, a line each."""
    yield from difference_lines(built_in(), catalogue)


def difference_lines(before: Catalogue, after: Catalogue) -> Iterator[str]:
    """What changes of networks and assets, a line each."""
    for name, network in after.networks.items():
        earlier = before.networks.get(name)
        if earlier is None:
            yield _line("NEW network", network_words(network))
        elif before.network_rows[name] != after.network_rows[name]:
            yield from _changes(earlier, network)
    for key, asset in after.assets.items():
        other = before.assets.get(key)
        alias = after.networks[asset.network].alias
        if other is None:
            yield _line("NEW asset", f"{_asset_words(asset)}, on {alias}")
        elif other != asset:
            yield _line("asset", f"{_asset_words(other)} becomes {_asset_words(asset)}")
    yield from _contract_changes(before, after)
    for network in before.networks.values():
        if network.id not in after.networks:
            yield _line("GONE network", f"{network.alias} ({network.id})")
    for asset in before.assets.values():
        if asset.id not in after.assets:
            yield _line("GONE asset", _asset_words(asset))


def network_words(network: Network) -> str:
    """One sentence of everything that its row says."""
    parts = [f"{label} {words}" for label, words in _said(network).items()]
    return f"{network.alias} ({network.id}): {'; '.join(parts)}"


def _changes(before: Network, after: Network) -> Iterator[str]:
    was, becomes = _said(before), _said(after)
    if before.alias != after.alias:
        yield _line("network", f"{before.alias} ({before.id}) is called {after.alias}")
    for label in dict.fromkeys([*was, *becomes]):
        one, other = was.get(label, "nothing"), becomes.get(label, "nothing")
        if one != other:
            weaker = label == "final by" and is_weaker(after.finality, before.finality)
            mark = ", which is LESS" if weaker else ""
            yield _line("network", f"{after.alias}: {label} {one} becomes {other}{mark}")


def _said(network: Network) -> dict[str, str]:
    """Everything a row says beside id and alias, label by label."""
    said = {
        "named": network.name,
        "of family": network.family,
        "environment": network.environment.value,
        "final by": _finality_words(network.finality),
        "remembers": f"{network.follow_depth} blocks",
        "blocks every": f"{network.block_ms} ms",
        "addresses": ", ".join(network.address_types),
        "pays in": network.native.symbol,
        "costs at most": ", ".join(
            f"{Amount(network.native, most)} as {kind}"
            for (_, kind), most in network.costs_max.items()
        ),
        "traits": ", ".join(sorted(network.traits)) or "none",
    }
    said |= {name: str(value) for name, value in sorted(network.parameters.items())}
    return said


def _contract_changes(before: Catalogue, after: Catalogue) -> Iterator[str]:
    """A line for each function of a contract, with all that its description says."""
    was, becomes = set(_contracts(before)), set(_contracts(after))
    yield from (
        _line("GONE contract", words) for words in _contracts(before) if words not in becomes
    )
    yield from (_line("NEW contract", words) for words in _contracts(after) if words not in was)


def _contracts(catalogue: Catalogue) -> Iterator[str]:
    for network in catalogue.networks.values():
        for contract in network.contracts.values():
            where = f"{contract.name} ({contract.address}) on {network.alias}"
            for described in contract.functions.values():
                yield f"{where}: {_described_words(described, catalogue)}"


def _described_words(described: Described, catalogue: Catalogue) -> str:
    function = described.function
    names = ", ".join(name for name, _ in function.arguments) or "nothing"
    parts = [f"{function.signature}, with {names}"]
    if function.payable:
        parts.append("takes coins")
    for move in described.moves:
        what = catalogue.assets[move.asset].symbol if move.asset else f"the token {_at(move.token)}"
        parts.append(f"takes {_at(move.units)} base units of {what}")
    parts += [
        f"{name} is read as {_reader_words(each)}" for name, each in described.readers.items()
    ]
    parts += [f"{_at(path)} is read as v3path" for path in places_of(Kind.PATH, function)]
    parts += [f"{_at(path)} is shown as octets" for path in sorted(described.opaque)]
    return "; ".join(parts)


def _reader_words(reader: Reader) -> str:
    others = {"to": reader.to, "coins of": reader.value, "told by": reader.inputs}
    return " ".join([reader.kind, *(f"{word} {name}" for word, name in others.items() if name)])


def _at(path: Sequence[str] | None) -> str:
    return ".".join(path or ())


def _finality_words(finality: Finality) -> str:
    proofs = ["the node's word"] if finality.node else []
    proofs += [f"{finality.confirmations} blocks"] if finality.confirmations else []
    return " or ".join(proofs)


def _asset_words(asset: Asset) -> str:
    said = (
        f"{asset.symbol} ({asset.id}): {asset.name}, {asset.kind}, {asset.decimals} decimals,"
        f" at most {asset.maximum} base units, traits {', '.join(sorted(asset.traits)) or 'none'}"
    )
    if asset.domain is None:
        return said
    name, version = asset.domain
    return f"{said}, signed for as {name} version {version}"


def _merged(rows: Any, changes: list[dict[str, Any]]) -> list[Row]:
    kept = {row.get("id"): row for row in rows or () if isinstance(row, dict)}
    return list({**kept, **{row.get("id"): row for row in changes}}.values())


def _line(label: str, text: str) -> str:
    return f"{label:<{_WIDTH - 1}} {text}"
