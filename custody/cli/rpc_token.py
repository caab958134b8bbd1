"""`custody rpc-token`: tokens in URLs, with which an app's wallet asks one vault on one network."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database
from custody.cli.output import Misuse, note, say, show_table, told

app = typer.Typer(no_args_is_help=True, help="Tokens in URLs for apps: create, list, revoke.")


@app.command()
@told
async def create(
    vault: Annotated[str, typer.Option(help="The one vault that it may ask: vlt_…")],
    network: Annotated[str, typer.Option(help="The one network, by its alias or CAIP-2 id.")],
    initiator: Annotated[
        str, typer.Option(help="As whom it asks: a person or machine, by its id in the policy.")
    ],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="A web page that may use it: https://HOST. Repeatable; without, none."),
    ] = None,
) -> None:
    """Make a token. The path of its URL is the only line on standard output, shown this once."""
    from chains.evm.eip1193 import speaks
    from custody.provider.tokens import create_token
    from custody.vaults import repository as vaults

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        found = [each for each in catalogue.networks.values() if network in (each.id, each.alias)]
        if not found or not speaks(found[0]):
            raise Misuse(f"no such network, or apps ask its wallets in other words: {network}")
        async with database.write() as session:
            await vaults.vault(session, vault)
            made = await create_token(
                session,
                vault_id=vault,
                network=found[0].id,
                initiator=initiator,
                origins=origin or (),
                api_key_id=None,
                now=now(),
            )
            token_id = made.row.id
    note(f"token {token_id}; its secret is not stored and can't be shown again:")
    say(f"/v1/rpc/{made.secret}")


@app.command("list")
@told
async def list_all() -> None:
    """List the tokens, revoked ones included, without their secrets."""
    from custody.provider.tokens import list_tokens

    async with opened_database() as database, database.read() as session:
        found = await list_tokens(session)
    show_table(
        "tokens in URLs",
        ("id", "vault", "network", "asks as", "pages", "made by", "created", "revoked"),
        [
            (
                each.id,
                each.vault_id,
                each.network,
                each.initiator,
                each.origins,
                each.api_key_id or "an operator",
                f"{each.created_at:%Y-%m-%d}",
                f"{each.revoked_at:%Y-%m-%d}" if each.revoked_at else "",
            )
            for each in found
        ],
    )


@app.command()
@told
async def revoke(token: Annotated[str, typer.Argument(help="The token's id: tok_…")]) -> None:
    """Take a token out of force, from the next request on."""
    from custody.provider.tokens import revoke_token

    if token.startswith("cu_") or "/" in token:
        raise Misuse("name the token's id (tok_…), and never its secret on a command line")
    async with opened_database() as database, database.write() as session:
        await revoke_token(session, token, now())
    say(f"revoked {token}")
