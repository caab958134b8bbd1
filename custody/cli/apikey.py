"""`custody apikey`: who may call the API. A key's secret is printed once, when it is made."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.apikeys.model import Scope
from custody.cli.access import now, opened_database
from custody.cli.output import Misuse, note, say, show_table, told

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")

_NAME_LENGTH_MAX = 100


@app.command()
@told
async def create(
    name: Annotated[str, typer.Option(help="What the key is for, to recognise it later.")],
    initiator: Annotated[
        str, typer.Option(help="Whose it is: a person or machine, by its id in the policy.")
    ],
    scope: Annotated[list[Scope], typer.Option(help="What it may do. Repeatable.")],
    client: Annotated[
        str | None, typer.Option(help="The one client it may see; without, it sees all.")
    ] = None,
) -> None:
    """Make an API key. Its secret is the only line on standard output and is shown this once."""
    from custody.apikeys.service import create_key

    if not 0 < len(name) <= _NAME_LENGTH_MAX or not name.isprintable():
        raise Misuse(f"a name is 1 to {_NAME_LENGTH_MAX} printable characters")
    async with opened_database() as database, database.write() as session:
        made = await create_key(
            session, name=name, initiator=initiator, scopes=scope, client_id=client, now=now()
        )
    note(f"key {made.id}; its secret is not stored and can't be shown again:")
    say(made.secret)


@app.command("list")
@told
async def list_all() -> None:
    """List the keys, revoked ones included, without their secrets."""
    from custody.apikeys.service import list_keys

    async with opened_database() as database, database.read() as session:
        keys = await list_keys(session)
    show_table(
        "API keys",
        ("id", "name", "belongs to", "scopes", "client", "created", "revoked"),
        [
            (
                key.id,
                key.name,
                key.initiator,
                key.scopes,
                key.client_id or "all",
                f"{key.created_at:%Y-%m-%d}",
                f"{key.revoked_at:%Y-%m-%d}" if key.revoked_at else "",
            )
            for key in keys
        ],
    )


@app.command()
@told
async def revoke(key: Annotated[str, typer.Argument(help="The key's id: key_…")]) -> None:
    """Take a key out of force, from the next request on."""
    from custody.apikeys.service import revoke_key

    if key.startswith("ck_"):
        raise Misuse("name the key's id (key_…), and never its secret on a command line")
    async with opened_database() as database, database.write() as session:
        await revoke_key(session, key, now())
    say(f"revoked {key}")
