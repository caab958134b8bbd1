"""How a person's secrets come in: typed without echo, or through a file descriptor or a file.

Never as an argument or an environment variable, which other users and every child process can read.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from custody.apikeys.model import KEY_PATTERN
from custody.cli.output import Failure, Misuse

PASSPHRASE_CHARACTERS_MIN: Final = 12
_SECRET_BYTES_MAX: Final = 4096

PassphraseFd = Annotated[
    int | None,
    typer.Option(help="Read the passphrase from this open file descriptor instead of asking."),
]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(help="File that holds the API key and only you may read; asked for otherwise."),
]


def read_passphrase(file_descriptor: int | None, what: str) -> bytes:
    """The passphrase of something that exists. Raises Misuse."""
    if file_descriptor is not None:
        return _from_descriptor(file_descriptor)
    return _asked(f"Passphrase of {what}: ").encode()


def choose_passphrase(file_descriptor: int | None, what: str) -> bytes:
    """A new one: typed twice, and not short. Raises Misuse."""
    chosen = read_passphrase(file_descriptor, what)
    if len(chosen.decode(errors="replace")) < PASSPHRASE_CHARACTERS_MIN:
        raise Misuse(f"a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters")
    if file_descriptor is None and _asked("Once more: ").encode() != chosen:
        raise Misuse("the two passphrases differ")
    return chosen


def read_api_key(path: Path | None) -> str:
    """Raises Misuse for a file that others may read and for what is no API key."""
    if path is None:
        key = _asked("API key: ").strip()
    else:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise Misuse(f"{path} can be read by others: chmod 600 it")
            key = file.read(_SECRET_BYTES_MAX).decode("ascii", "replace").strip()
    if KEY_PATTERN.fullmatch(key) is None:
        raise Misuse("that is not an API key (ck_…)")
    return key


def confirm(question: str) -> None:
    """Raises Failure unless somebody at the terminal types yes."""
    if not sys.stdin.isatty():
        raise Misuse("there is no terminal to ask on: name the digest with --digest")
    typer.echo(f"{question} Type yes to go on: ", nl=False, err=True)
    if sys.stdin.readline().strip() != "yes":
        raise Failure("nothing was signed")


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise Misuse(
            "there is no terminal to ask on: use --passphrase-fd for passphrases and"
            " --api-key-file for API keys"
        )
    return getpass.getpass(prompt)


def _from_descriptor(file_descriptor: int) -> bytes:
    """Up to the end; a newline at the end belongs to the editor, not to the passphrase."""
    if file_descriptor in (1, 2):
        raise Misuse("a passphrase can't be read from standard output or standard error")
    try:
        with os.fdopen(file_descriptor, "rb") as file:
            passphrase = file.read(_SECRET_BYTES_MAX + 1)
    except OSError:
        raise Misuse(f"file descriptor {file_descriptor} can't be read") from None
    passphrase = passphrase.removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(passphrase) <= _SECRET_BYTES_MAX:
        raise Misuse("the passphrase is empty or far too long")
    return passphrase
