"""The `custody` command: operate the wallet from a shell.

Commands import what they need when they run, so that `--help` is quick and a command that reads
the database does not load five chains. Prints to people; secrets are shown once and nowhere else.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from custody.config import Settings
from custody.devnet.cli import app as devnet_app

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Multi-chain custody wallet.")
apikey_app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
app.add_typer(apikey_app, name="apikey")
app.add_typer(devnet_app, name="devnet")
console = Console(highlight=False)


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date. Safe to run twice."""
    from custody.db.migrate import upgrade

    asyncio.run(upgrade(Settings().database_url.get_secret_value()))
    console.print("database schema is up to date")


@app.command()
def serve() -> None:
    """The HTTP API; with CUSTODY_RUN_WORKERS (the default) the workers in the same process."""
    import uvicorn

    settings = Settings()
    # By name: the api package lies above custody, which may not import it.
    uvicorn.run(
        "api.app:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
    )


@app.command()
def worker() -> None:
    """The workers alone: follow chains, move transfers, reconcile. Any number may run."""
    from custody.workers.main import run_until_signal

    asyncio.run(run_until_signal(Settings()))
