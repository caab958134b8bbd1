"""The audit log, checked and proven apart from the signer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signer.ceremonies.common import open_contents, reported, token_of
from signer.ceremonies.options import PassphraseFd, PinFd, StateDir, TokenLabel, TokenLibrary
from signer.logfile import verify_log
from signer.proof import Proof
from signer.proving import prove_from_log
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory
from signer.wire import octets

File = Annotated[Path | None, typer.Option(help="A copy. [default: the signer's own]")]
LogKey = Annotated[str, typer.Option(help="The key to check checkpoints with, from status.")]


def verify(
    state_dir: StateDir = Path(),
    file: File = None,
    log_key: LogKey = "",
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Check every record, the tree and every checkpoint. Needs the log key, or the keystore to
    derive it."""
    with reported():
        key = _log_key(log_key, state_dir, passphrase_fd, token_library, token_label, pin_fd)
        good = verify_log(file or StateDirectory(state_dir).log, key)
        print(f"sound up to record {good.sequence}, head {good.head.hex()}")
        print(f"{good.tree.size} leaves of {good.origin}, root {good.tree.root().hex()}")


def prove(
    sequence: Annotated[int, typer.Argument(help="The record's number.")],
    state_dir: StateDir = Path(),
    file: File = None,
    log_key: LogKey = "",
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Print a proof that a record is in the log, with the record, for `log check` and other tools.

    It shows that record and no other."""
    with reported():
        key = _log_key(log_key, state_dir, passphrase_fd, token_library, token_label, pin_fd)
        proof = prove_from_log(file or StateDirectory(state_dir).log, key, sequence)
        print(proof.text(), end="")


def check(
    proof: Annotated[Path, typer.Argument(help="What `log prove` printed.")],
    log_key: Annotated[str, typer.Option(help="The key of the log, from status.")],
) -> None:
    """Check a proof, and print the record that it proves. Needs nothing but the log key."""
    with reported():
        given = Proof.parse(proof.read_text(errors="replace"))
        signed = given.check_record(octets(log_key, 32))
        print(f"leaf {given.index} of {signed.size} of {signed.origin}")
        print(given.record.decode())


def _log_key(
    given: str,
    state_dir: Path,
    passphrase_fd: int | None,
    token_library: Path | None,
    token_label: str,
    pin_fd: int | None,
) -> bytes:
    """The one given, or the keystore's."""
    if given:
        return octets(given, 32)
    token = token_of(token_library, token_label, pin_fd)
    root = root_of(open_contents(state_dir, passphrase_fd, token))
    try:
        return root.own_key(LOG_KEY).public_key
    finally:
        root.wipe()
