"""What commands say and how they end: 0 done, 1 understood but refused or failed, 2 asked wrong.

Everything printed passes through here. Text from elsewhere (a document, the API, the database)
can't move the cursor or colour itself. Nothing is ever cut to the terminal's width: an address with
dots in the middle is not an address.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

P = ParamSpec("P")
FAILED = 1
MISUSED = 2
_WIDTH_IN_FILES = 1000


class Failure(Exception):
    """A command can't do what was asked. The message is for people and never holds a secret."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Misuse(Failure):
    """The command line, or a file it names, makes no sense. Nothing was tried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, MISUSED)


def printable(text: str) -> str:
    """With escapes in place of characters that could move the cursor or turn the text around."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


def say(*lines: str) -> None:
    """To standard output, a line each."""
    for line in lines:
        typer.echo(printable(line))


def note(*lines: str) -> None:
    """To standard error, so that a program that reads our output does not get it."""
    for line in lines:
        typer.echo(printable(line), err=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Long cells are folded at a terminal and never shortened; a file gets them whole."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    width = None if sys.stdout.isatty() else _WIDTH_IN_FILES
    Console(markup=False, highlight=False, emoji=False, width=width).print(table)


def told(command: Callable[P, Coroutine[Any, Any, None] | None]) -> Callable[P, None]:
    """Run a command, plain or async, and turn what may go wrong into one line and an exit code.

    What is not expected stays a traceback: it is a bug, and its place matters.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            running = command(*args, **kwargs)
            if running is not None:
                asyncio.run(running)
        except Exception as error:
            known = _explain(error)
            if known is None:
                raise
            message, exit_code = known
            note(*f"error: {message}".split("\n"))
            raise typer.Exit(exit_code) from None

    return run


def _explain(error: Exception) -> tuple[str, int] | None:
    """What to say, and the exit code; None for a bug."""
    if isinstance(error, Failure):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        words = error.strerror or type(error).__name__
        return (f"{words}: {error.filename}" if error.filename else words), FAILED
    return _of_ours(error) or _of_the_database(error)


def _of_ours(error: Exception) -> tuple[str, int] | None:
    """Imported here, because a command that succeeds may not need them."""
    from chains.errors import ChainError, InvalidInput
    from custody.errors import CustodyError, Invalid
    from signer.client import SignerError, SignerUnavailable
    from signer.policy import InvalidPolicy
    from signer.wire import MalformedMessage

    if isinstance(error, CustodyError | ChainError):
        advice = getattr(error, "advice", "")
        exit_code = MISUSED if isinstance(error, Invalid | InvalidInput) else FAILED
        return f"{error} ({error.code}{f'; {advice}' if advice else ''})", exit_code
    if isinstance(error, InvalidPolicy | MalformedMessage):
        return str(error), MISUSED
    if isinstance(error, SignerUnavailable):
        return f"{error}: is custody-signer running, and is this its socket?", FAILED
    if isinstance(error, SignerError):
        return f"the signer refused: {error}", FAILED
    return None


def _of_the_database(error: Exception) -> tuple[str, int] | None:
    """The driver's own words, never the URL. The library is looked up and not imported: an
    approver's machine has none."""
    library = sys.modules.get("sqlalchemy.exc")
    if library is None or not isinstance(error, library.SQLAlchemyError):
        return None
    cause = str(getattr(error, "orig", "")).partition("\n")[0]
    return f"the database: {cause or type(error).__name__}", FAILED
