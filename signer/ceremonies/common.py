"""What several ceremonies do: open the keystore, read whom to trust."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from signer import commands, keystore
from signer.keystore import Contents
from signer.memory import wipe
from signer.policy import Administrators, InvalidPolicy
from signer.prompts import read_secret
from signer.state import StateDirectory
from signer.token import Token, TokenLocation
from signer.wire import read_json

PROGRAM: Final = "custody-keys"


@contextmanager
def reported() -> Iterator[None]:
    """Expected failures as one line."""
    with commands.reported(PROGRAM):
        yield


def open_contents(state_dir: Path, passphrase_fd: int | None, token: Token | None) -> Contents:
    contents, entropy = open_all(state_dir, passphrase_fd, token)
    wipe(entropy)
    return contents


def open_all(
    state_dir: Path, passphrase_fd: int | None, token: Token | None
) -> tuple[Contents, bytearray]:
    """What serves, and what words and shares are made of."""
    passphrase = read_secret(passphrase_fd, "Passphrase")
    try:
        return keystore.unlock_all(StateDirectory(state_dir).keystore, passphrase, token=token)
    finally:
        wipe(passphrase)


def token_of(library: Path | None, label: str, pin_fd: int | None) -> Token | None:
    if library is None:
        return None
    return TokenLocation(library, label).with_pin(read_secret(pin_fd, "Token PIN"))


def pinned(file: Path | None) -> Administrators | None:
    return None if file is None else read_administrators(file)


def read_administrators(file: Path) -> Administrators:
    """Raises InvalidPolicy."""
    try:
        return Administrators.parse(read_json(file.read_bytes()))
    except ValueError as error:
        raise InvalidPolicy(f"{file}: {error}") from error
