"""The audit log, and going on after the journal was lost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signer.auditlog import verify_log
from signer.cli.common import fail, open_contents, reported, token_of
from signer.cli.options import PassphraseFd, PinFd, StateDir, TokenLabel, TokenLibrary
from signer.clock import utc_now
from signer.recovery import Skip, read_vaults, recover
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory
from signer.wire import octets


def verify(
    state_dir: StateDir = Path(),
    file: Annotated[Path | None, typer.Option(help="A copy. [default: the signer's own]")] = None,
    log_key: Annotated[str, typer.Option(help="The key to check seals with, from status.")] = "",
    passphrase_fd: PassphraseFd = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Check every record and every seal. Needs the log key, or the keystore to derive it."""
    with reported():
        if log_key:
            key = octets(log_key, 32)
        else:
            token = token_of(token_library, token_label, pin_fd)
            root = root_of(open_contents(state_dir, passphrase_fd, token))
            key = root.own_key(LOG_KEY).public_key
            root.wipe()
        good = verify_log(file or StateDirectory(state_dir).log, key)
        print(f"sound up to record {good.sequence}, head {good.head.hex()}")


def recover_command(
    state_dir: StateDir,
    passphrase_fd: PassphraseFd = None,
    log: Annotated[Path | None, typer.Option(help="A copy of the audit log.")] = None,
    sequence: Annotated[
        int, typer.Option(help="Of the newest receipt anybody holds, if records stay lost.")
    ] = 0,
    policy_version: Annotated[
        int, typer.Option(help="With --sequence: the policy last in force.")
    ] = 0,
    vaults: Annotated[
        Path | None,
        typer.Option(help="With --sequence: JSON lines, client, vault, account of each vault."),
    ] = None,
    token_library: TokenLibrary = None,
    token_label: TokenLabel = "",
    pin_fd: PinFd = None,
) -> None:
    """Go on with a journal restored from a backup. From a copy of the log nothing is lost."""
    with reported():
        if sequence and (policy_version < 1 or vaults is None):
            fail(
                "--sequence needs --policy-version and --vaults: without them money can move twice"
            )
        if not sequence and log is None:
            fail("--log, --sequence, or both")
        skip = None
        if sequence and vaults is not None:
            skip = Skip(sequence, policy_version, read_vaults(vaults))
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = token_of(token_library, token_label, pin_fd)
            root = root_of(open_contents(state_dir, passphrase_fd, token))
            journal = recover(state, root.own_key(LOG_KEY), log, skip, utc_now())
            print(f"the journal ends with record {journal.sequence}")
            journal.close()
            root.wipe()
