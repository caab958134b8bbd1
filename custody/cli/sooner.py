"""`custody sooner`: what it costs to have a transaction that waits in a block sooner, and a child
that pays for it. Through the API, as any client asks, so the policy counts."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from custody.cli.output import Failure, Misuse, say, told
from custody.cli.prompts import ApiKeyFile, read_api_key

if TYPE_CHECKING:
    from custody.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="Transactions that wait: what it takes, pay for one.")

_TRANSFER: Final = re.compile(r"tfr_[0-9a-z]{26}", re.ASCII)

Url = Annotated[str, typer.Option(help="The API's address, like https://custody.example.")]


@app.command()
@told
def price(
    transfer: Annotated[str, typer.Argument(metavar="TRANSFER", help="tfr_…")],
    url: Url,
    api_key_file: ApiKeyFile = None,
) -> None:
    """What replacing it costs, whether it is pinned, and what a child would pay."""
    if _TRANSFER.fullmatch(transfer) is None:
        raise Misuse("a transfer's id begins with tfr_")
    with _server(url, api_key_file) as server:
        found = server.get_object(f"/v1/transfers/{transfer}/sooner")
    try:
        replacement, child = found["replacement"], found["child"]
        say(f"{found['txid']} waits; replacing it costs {replacement['fee']['amount']}")
        if replacement["pinned"]:
            alone = replacement["fee_if_not_pinned"]["amount"]
            size, count = replacement["children_size"], replacement["children"]
            say(f"it is pinned: {alone} without what spends it ({count}, {size} vB)")
        if not replacement["possible"]:
            say("nodes take no replacement: too much would go with it")
        say("no child" if child is None else f"a child pays {child['fee']['amount']}")
    except (KeyError, TypeError):
        raise Failure("the server's answer names no prices") from None


@app.command()
@told
def child(
    vault: Annotated[str, typer.Argument(metavar="VAULT", help="The vault's id: vlt_…")],
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="The network's alias.")],
    txid: Annotated[str, typer.Argument(metavar="TXID", help="What waits to be in a block.")],
    to: Annotated[str, typer.Option(help="An address of the vault's own.")],
    url: Url,
    fee_max: Annotated[
        str | None, typer.Option(help="At most so much; the network's default if absent.")
    ] = None,
    api_key_file: ApiKeyFile = None,
) -> None:
    """Spend the vault's coin of it to the vault, so that both are included. One at a time."""
    body: dict[str, Any] = {
        "vault_id": vault,
        "network": network,
        "destination": to,
        "amount": "all",
        "child_of": txid,
    }
    if fee_max is not None:
        body["fee_max"] = fee_max
    from custody.cli.remote import json_object

    with _server(url, api_key_file) as server:
        # A repeated one is refused while the first is under way, and may follow when that ended.
        key = {"Idempotency-Key": secrets.token_hex(16)}
        made = json_object(server.post("/v1/transfers", body, key))
    say(f"{made.get('id')} {made.get('state')}")


def _server(url: str, api_key_file: Any) -> Server:
    from custody.cli.remote import Server

    return Server(url, read_api_key(api_key_file))
