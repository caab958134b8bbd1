"""`custody asset`: a row for a token, read from its contract, for administrators to sign.

A contract says what its author likes, so what it says is shown as its word, and the row goes into
an operator's file. Money it becomes when administrators have signed the file (ADR 0035).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from custody.cli.access import known_catalogue, load_settings, opened_database
from custody.cli.networks import named_network
from custody.cli.output import Misuse, say, told

if TYPE_CHECKING:
    from chains.assets import TokenSaid
    from chains.model import AssetId
    from chains.networks import Network

app = typer.Typer(no_args_is_help=True, help="Assets that administrators list.")


@app.callback()
def _group() -> None:
    """So that `add` keeps its name while it is alone."""


@app.command()
@told
async def add(
    network: Annotated[str, typer.Argument(help="CAIP-2 id or alias.")],
    contract: Annotated[str, typer.Argument(help="The token's contract.")],
    file: Annotated[Path, typer.Option(help="The operator's file of rows (TOML); made if new.")],
    symbol: Annotated[str | None, typer.Option(help="Instead of the contract's word.")] = None,
    name: Annotated[str | None, typer.Option(help="Instead of the contract's word.")] = None,
) -> None:
    """Ask a token's contract what it is, show it, and add a row to a file. Changes nothing else:
    `custody policy networks` puts the file into a draft, which administrators sign."""
    async with opened_database() as database:
        catalogue = await known_catalogue(database)
    found = named_network(network, catalogue)
    asset, word = await _ask(found, contract)
    if asset in catalogue.assets:
        raise Misuse(f"{asset} is listed already")
    row = row_of(word, symbol, name)
    written = with_row(file, asset, row)
    say(
        f"asset     {asset}",
        f"symbol    {row['symbol']}  (the contract says {word.symbol or 'nothing to show'})",
        f"name      {row['name']}  (the contract says {word.name or 'nothing to show'})",
        f"decimals  {row['decimals']}  (the contract's word)",
        f"traits    {', '.join(sorted(word.traits)) or 'none'}",
        f"domain    {' version '.join(word.domain or ()) or 'none'}",
        "Anybody may call a contract so. Compare its address with what the issuer publishes.",
    )
    file.write_text(written, encoding="utf-8")
    say(f"{file} has the row; `custody policy networks` puts it into a draft")


def row_of(word: TokenSaid, symbol: str | None, name: str | None) -> dict[str, Any]:
    """Raises Misuse where nobody says what the row needs."""
    shown = {"symbol": symbol or word.symbol, "name": name or word.name}
    for member, value in shown.items():
        if value is None:
            raise Misuse(f"the contract says no {member} that can be shown: use --{member}")
    if word.decimals is None:
        raise Misuse("the contract does not say its decimals: nobody knows what a unit is")
    row: dict[str, Any] = {**shown, "decimals": word.decimals, "maximum": str(word.maximum)}
    if word.kind is not None:
        row["kind"] = word.kind
    if word.traits:
        row["traits"] = sorted(word.traits)
    if word.domain is not None:
        row["domain_name"], row["domain_version"] = word.domain
    return row


def with_row(file: Path, asset: AssetId, row: dict[str, Any]) -> str:
    """The file's text with one more asset. Raises Misuse where the whole can't be read then."""
    from chains.catalogue import built_in
    from chains.errors import NetworkInvalid
    from chains.families import CODECS
    from custody.cli.rows import parse_rows

    before = file.read_text(encoding="utf-8") if file.exists() else ""
    rows = parse_rows(before, file)
    catalogue = built_in().with_rows(*rows)
    network = catalogue.networks[asset.partition("/")[0]]  # type: ignore[index]
    kinds = CODECS[network.family].schema.token_kinds
    namespace = asset.partition("/")[2].partition(":")[0]
    kind = next(each for each, begins in kinds.items() if begins == namespace)
    members = {"kind": kind, **row}
    lines = [f"{member} = {json.dumps(value)}" for member, value in members.items()]
    after = f"{before}\n[assets.{json.dumps(asset)}]\n" + "\n".join(lines) + "\n"
    try:
        built_in().with_rows(*parse_rows(after, file))
    except NetworkInvalid as error:
        raise Misuse(f"{error.code}: {error}") from None
    return after


async def _ask(network: Network, contract: str) -> tuple[AssetId, TokenSaid]:
    from chains.adapter import DescribesTokens
    from chains.transport.endpoint import Endpoints
    from custody.bootstrap import ADAPTERS

    settings = load_settings()
    given = settings.nodes.get(network.alias) or settings.nodes.get(network.id)
    if not given:
        raise Misuse(f"CUSTODY_NODES names no node of {network.alias}")
    node = Endpoints.of(given).primaries[0]
    adapter = ADAPTERS[network.family](network, node, timeout_s=settings.node_timeout_s)
    try:
        if not isinstance(adapter, DescribesTokens):
            raise Misuse(f"tokens of {network.alias} can't be asked: write the row by hand")
        await adapter.check()
        return await adapter.describe(contract)
    finally:
        await adapter.close()
