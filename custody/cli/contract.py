"""`custody contract`: a description of a contract, from an ABI file, for administrators to sign.

An ABI says what its author likes, and nothing in a contract's code contradicts it. So what is read
is shown, and the row goes into a draft. Believed it is when administrators have signed that
(ADR 0102).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from custody.cli.access import known_catalogue, load_settings, opened_database
from custody.cli.networks import named_network
from custody.cli.output import Misuse, say, told

if TYPE_CHECKING:
    from chains.model import Address
    from chains.networks import Network

app = typer.Typer(no_args_is_help=True, help="Contracts that administrators describe.")


@app.callback()
def _group() -> None:
    """So that `add` keeps its name while it is alone."""


@app.command()
@told
async def add(
    network: Annotated[str, typer.Argument(help="CAIP-2 id or alias.")],
    contract: Annotated[str, typer.Argument(help="The contract's address.")],
    document: Annotated[Path, typer.Argument(help="The draft of a policy.")],
    name: Annotated[str, typer.Option(help="What approvers are shown beside the address.")],
    out: Annotated[Path, typer.Option(help="The new draft. Never overwritten.")],
    abi: Annotated[
        Path | None, typer.Option(help="The contract's ABI, as compilers write it (JSON).")
    ] = None,
    function: Annotated[
        list[str] | None, typer.Option(help="A function's name or signature, of the ABI.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(help="In place of an ABI: a file with a contract of that name.")
    ] = None,
    takes: Annotated[
        list[str] | None,
        typer.Option(help="FUNCTION:ARGUMENT=ASSET, or =@ARGUMENT that is the token's contract."),
    ] = None,
    opaque: Annotated[
        list[str] | None, typer.Option(help="FUNCTION:ARGUMENT whose octets are shown as they are.")
    ] = None,
    reads: Annotated[
        list[str] | None,
        typer.Option(
            help="FUNCTION:ARGUMENT=READER whose octets are calls or a way (v3path); "
            "READER,to=ARGUMENT,value=ARGUMENT,inputs=ARGUMENT."
        ),
    ] = None,
) -> None:
    """Describe functions of a contract in a draft of the policy. Changes nothing else:
    administrators sign the draft."""
    from custody.cli import keyfile
    from custody.cli.documents import read_row

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
    found = named_network(network, catalogue)
    address, upgradeable = await _ask(found, contract)
    said = Said(takes or (), opaque or (), reads or ())
    row = {
        "network": found.id,
        "address": address,
        "name": name,
        "functions": _functions(abi, like, name, function or (), said),
    }
    draft, lines = with_contract(read_row(document), row)
    say(*lines)
    if upgradeable is None:
        say("whether its code can be replaced, this network's node does not tell")
    elif upgradeable:
        say("UPGRADEABLE: somebody can put other code in its place, which may do something else")
    say("Nothing proves that these are its functions. Compare them with what its authors publish.")
    keyfile.write_new(out, json.dumps(draft, indent=2).encode() + b"\n")
    say(f"written to {out}; see what changes: custody policy diff {out}")


class Said(NamedTuple):
    """Beside the ABI, of functions' arguments: what is taken, which octets are shown as they are,
    and how others are read."""

    takes: Sequence[str] = ()
    opaque: Sequence[str] = ()
    reads: Sequence[str] = ()


def _functions(
    abi: Path | None, like: Path | None, name: str, wanted: Sequence[str], said: Said
) -> list[dict[str, Any]]:
    if (abi is None) == (like is None):
        raise Misuse("say --abi, or --like a file that describes such contracts")
    if abi is not None:
        if not wanted:
            raise Misuse("say which functions of the ABI: --function")
        return functions_of(_read(abi), wanted, said)
    assert like is not None
    if wanted or any(said):
        raise Misuse("a file that describes contracts says all of them")
    return like_one(like, name)


def like_one(file: Path, name: str) -> list[dict[str, Any]]:
    """The functions of the file's contract of that name, wherever that one is. Raises Misuse."""
    from custody.cli.documents import read_row

    found = read_row(file)
    rows = found.get("contracts") if isinstance(found, dict) else None
    known = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    for each in known:
        if each.get("name") == name and isinstance(each.get("functions"), list):
            return list(each["functions"])
    names = ", ".join(str(each.get("name")) for each in known) or "none"
    raise Misuse(f"{file}: no contract is called {name}; there are {names}")


def functions_of(
    fragments: Sequence[Any], wanted: Sequence[str], said: Said
) -> list[dict[str, Any]]:
    """The rows of functions, of a whole ABI. Raises Misuse for a name that no function, or more
    than one, has."""
    rows = {name: {"abi": _fragment(fragments, name)} for name in wanted}
    for text in said.takes:
        head, _, what = text.rpartition("=")
        function, argument = _place(head, rows)
        by = {"token": what[1:]} if what.startswith("@") else {"asset": what}
        rows[function].setdefault("moves", []).append({**by, "argument": argument})
    for text in said.opaque:
        function, argument = _place(text, rows)
        rows[function].setdefault("opaque", []).append(argument)
    for text in said.reads:
        head, _, what = text.partition("=")
        function, argument = _place(head, rows)
        rows[function].setdefault("readers", {})[argument] = _reader(text, what)
    return list(rows.values())


def with_contract(
    document: Mapping[str, Any], row: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The draft with the contract's functions beside those that it has of it, and what they are in
    words. Raises Misuse for what no policy may say."""
    from chains.catalogue import built_in
    from chains.errors import NetworkInvalid
    from custody.cli.rows import difference_lines

    rows = list(document.get("contracts") or [])
    place = row["network"], row["address"]
    known = [each for each in rows if (each.get("network"), each.get("address")) == place]
    others = [each for each in rows if each not in known]
    merged = {**row, "functions": [*(f for k in known for f in k["functions"]), *row["functions"]]}
    plain = built_in()
    try:
        before = plain.with_rows(document["networks"], document["assets"], rows)
        after = plain.with_rows(document["networks"], document["assets"], [*others, merged])
    except NetworkInvalid as error:
        raise Misuse(f"{error.code}: {error}") from None
    return {**document, "contracts": [*others, merged]}, tuple(difference_lines(before, after))


def _fragment(fragments: Sequence[Any], wanted: str) -> Any:
    from chains.contracts.functions import parse_function
    from chains.errors import MalformedDescription

    found = []
    for each in fragments:
        if not isinstance(each, dict) or each.get("type") != "function":
            continue
        if each.get("name") != wanted.partition("(")[0]:
            continue
        try:
            signature = parse_function(each).signature
        except MalformedDescription as error:
            raise Misuse(f"{error.code}: {each.get('name')}: {error}") from None
        if wanted in (signature, each["name"]):
            found.append((signature, each))
    if len(found) != 1:
        said = ", ".join(signature for signature, _ in found)
        raise Misuse(
            f"several functions are called so: {said}" if said else f"no function {wanted}"
        )
    return found[0][1]


def _reader(text: str, what: str) -> dict[str, str]:
    kind, *others = what.split(",")
    pairs = [each.partition("=") for each in others]
    if not (kind and all(name and value for name, _, value in pairs)):
        raise Misuse(f"{text}: say FUNCTION:ARGUMENT=READER, and beside it name=ARGUMENT")
    return {"is": kind, **{name: value for name, _, value in pairs}}


def _place(text: str, rows: Mapping[str, Any]) -> tuple[str, str]:
    function, _, argument = text.rpartition(":")
    if function not in rows or not argument:
        raise Misuse(f"{text}: say FUNCTION:ARGUMENT, of a function that is named by --function")
    return function, argument


def _read(file: Path) -> list[Any]:
    """An ABI, alone or in the `abi` of what a compiler wrote."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Misuse(f"{file}: {error}") from None
    fragments = found.get("abi") if isinstance(found, dict) else found
    if not isinstance(fragments, list):
        raise Misuse(f"{file}: no list of functions")
    return fragments


async def _ask(network: Network, contract: str) -> tuple[Address, bool | None]:
    """Its address, and whether its code can be replaced."""
    from chains.adapter import TellsCode
    from chains.transport.endpoint import Endpoints
    from custody.bootstrap import ADAPTERS

    settings = load_settings()
    given = settings.nodes.get(network.alias) or settings.nodes.get(network.id)
    if not given:
        raise Misuse(f"CUSTODY_NODES names no node of {network.alias}")
    node = Endpoints.of(given).primaries[0]
    adapter = ADAPTERS[network.family](network, node, timeout_s=settings.node_timeout_s)
    try:
        if not isinstance(adapter, TellsCode):
            raise Misuse(f"contracts of {network.alias} have no descriptions")
        await adapter.check()
        return await adapter.code(contract)
    finally:
        await adapter.close()
