"""`custody devnet`: the whole house on this machine, for a look around, a demo and development."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table

from chains.assets import Amount
from chains.errors import ChainError
from custody.devnet.demo import DemoFailed, Result, play
from custody.devnet.evidence import check
from custody.devnet.faucet import running_faucet
from custody.devnet.launcher import House, running_house
from custody.devnet.nodes import block_production

app = typer.Typer(no_args_is_help=True, help=__doc__)
console = Console(highlight=False)
_WIDTH_IN_A_FILE = 160
DEMO_BLOCK_INTERVAL_S = 0.5


@app.command()
def demo() -> None:
    """Play the main job on all five networks; exit 0 only if the nodes say that it happened."""
    _exit_with(_demo)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of the API on 127.0.0.1.")] = 8000,
    faucet_port: Annotated[int, typer.Option(help="Port of the faucet on 127.0.0.1.")] = 8001,
    block_interval: Annotated[float, typer.Option(help="Seconds between blocks.")] = 2.0,
) -> None:
    """Start everything and stay up until Ctrl-C."""
    _exit_with(lambda: _up(port, faucet_port, block_interval))


async def _demo() -> int:
    say = _narrator()
    async with AsyncExitStack() as stack:
        house = await _enter_house(stack, say, None, DEMO_BLOCK_INTERVAL_S)
        results = await play(house, say)
        coins = [result for result in results if result.asset == result.network.native]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="custody-evidence-")))
        checked = await check(house, coins, folder, say)
    Console(width=None if console.is_terminal else _WIDTH_IN_A_FILE).print(_table(results))
    failed = [result.name for result in results if not result.proven]
    if failed:
        console.print(f"FAILED on {', '.join(failed)}: the nodes do not confirm it")
        return 1
    console.print(
        "The nodes confirm it: received == sent, and ledger == chain on all five, of coins and "
        "tokens.",
        soft_wrap=True,
    )
    console.print(
        f"custody-verify, with nothing of custody's code, refutes nothing of {len(checked)} bundles"
        " of evidence, one for each network.",
        soft_wrap=True,
    )
    return 0


async def _up(port: int, faucet_port: int, block_interval: float) -> int:
    say = _narrator()
    async with AsyncExitStack() as stack:
        house = await _enter_house(stack, say, port, block_interval)
        await stack.enter_async_context(running_faucet(house.nodes, house.networks, faucet_port))
        console.print(
            "\nUp until Ctrl-C; then everything is thrown away.\n"
            f"Networks {', '.join(house.nodes)}\n"
            f"Faucet   http://127.0.0.1:{faucet_port}/fund?network=…&address=…&amount=… (POST)\n"
            f"API      {house.base_url}/docs\n"
            f"API key  {house.api_key}",
            soft_wrap=True,  # a URL or a key that is broken in two is none, also in a file
        )
        await asyncio.Event().wait()
    return 0


async def _enter_house(
    stack: AsyncExitStack, say: Callable[[str], None], port: int | None, block_interval: float
) -> House:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="custody-devnet-"))
    house = await stack.enter_async_context(running_house(Path(folder), say, port))
    await stack.enter_async_context(block_production(house.nodes, block_interval))
    return house


def _exit_with(main: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Run until done or told to stop; either way everything that was started is stopped first."""
    try:
        code = asyncio.run(_until_signal(main()))
    except (ChainError, DemoFailed, RuntimeError) as error:
        console.print(f"FAILED: {error}")
        code = 1
    raise typer.Exit(code)


async def _until_signal(job: Coroutine[Any, Any, int]) -> int:
    task = asyncio.ensure_future(job)
    loop = asyncio.get_running_loop()
    stopped: list[int] = []

    def stop(number: int) -> None:
        stopped.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not stopped:
            raise
        console.print("\nstopped")
        return 128 + stopped[0]


def _narrator() -> Callable[[str], None]:
    began = time.monotonic()
    return lambda text: console.print(f"{time.monotonic() - began:6.1f} s  {text}", soft_wrap=True)


def _table(results: list[Result]) -> Table:
    table = Table(title="What the nodes say", title_justify="left")
    for column in ("network", "deposited", "sent", "received", "fee", "ledger", "chain", "", "s"):
        # Every digit counts here, so a number too long for the terminal goes on below.
        justify: JustifyMethod = "left" if column == "network" else "right"
        table.add_column(column, justify=justify, overflow="fold")
    for result in results:
        before = (result.deposited, result.sent, result.received)
        shown = [Amount(result.asset, amount).decimal for amount in before]
        shown.append(Amount(result.network.native, result.fee).decimal)
        shown += [Amount(result.asset, each).decimal for each in (result.ledger, result.chain)]
        table.add_row(
            result.name,
            *shown,
            "equal" if result.proven else "DIFFERENT",
            f"{result.seconds:.0f}",
        )
    return table
