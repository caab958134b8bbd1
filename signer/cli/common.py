"""What every command does around its own work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import typer

from chains.keys import InvalidPath
from signer import keystore
from signer.errors import SignerFault
from signer.keystore import Contents
from signer.memory import harden_process, wipe
from signer.messages import CallRefused
from signer.policy import Administrators, InvalidPolicy, SignedPolicy
from signer.prompts import SecretMissing, read_secret
from signer.state import StateDirectory
from signer.token import Token, TokenLocation
from signer.tree import ProofInvalid
from signer.wire import MalformedMessage, read_json

_EXPECTED: Final = (
    SignerFault,
    SecretMissing,
    InvalidPolicy,
    MalformedMessage,
    InvalidPath,
    ProofInvalid,
)


@contextmanager
def reported() -> Iterator[None]:
    """Expected failures as one line. A bug keeps its traceback, which shows no values."""
    harden_process()
    try:
        yield
    except _EXPECTED as error:
        fail(str(error))
    except CallRefused as error:
        fail(f"{error.code.value}/{error.detail}: {error}")
    except KeyError as error:
        fail(f"unknown network {error}")
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))


def fail(message: str) -> NoReturn:
    typer.echo(f"custody-signer: {message}", err=True)
    raise typer.Exit(1)


def open_contents(state_dir: Path, passphrase_fd: int | None, token: Token | None) -> Contents:
    passphrase = read_secret(passphrase_fd, "Passphrase")
    try:
        return keystore.unlock(StateDirectory(state_dir).keystore, passphrase, token=token)
    finally:
        wipe(passphrase)


def token_of(library: Path | None, label: str, pin_fd: int | None) -> Token | None:
    if library is None:
        return None
    return TokenLocation(library, label).with_pin(read_secret(pin_fd, "Token PIN"))


def read_secrets(
    passphrase_fd: int | None, token_library: Path | None, pin_fd: int | None
) -> tuple[bytearray, bytearray]:
    passphrase = read_secret(passphrase_fd, "Passphrase")
    pin = read_secret(pin_fd, "Token PIN") if token_library is not None else bytearray()
    return passphrase, pin


def read_policy(file: Path) -> SignedPolicy:
    """As `custody policy sign` writes it. Raises MalformedMessage."""
    try:
        return SignedPolicy.parse(read_json(file.read_bytes()))
    except ValueError as error:
        raise MalformedMessage(f"{file} is not a signed policy: {error}") from error


def pinned(file: Path | None) -> Administrators | None:
    return None if file is None else read_administrators(file)


def read_administrators(file: Path) -> Administrators:
    """Raises InvalidPolicy."""
    try:
        return Administrators.parse(read_json(file.read_bytes()))
    except ValueError as error:
        raise InvalidPolicy(f"{file}: {error}") from error
