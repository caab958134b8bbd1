"""The command that goes on after the journal was lost."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from signer.ceremonies.common import open_contents, reported, token_of
from signer.ceremonies.options import PassphraseFd, PinFd, StateDir, TokenLabel, TokenLibrary
from signer.ceremonies.recovery import Skip, read_vaults, recover
from signer.clock import utc_now
from signer.commands import fail, read_policy
from signer.inforce import PolicyInForce
from signer.journal import Journal
from signer.policy import Administrators
from signer.session import LOG_KEY, root_of
from signer.state import StateDirectory


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
    policy: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --sequence: the last signed policy; repeat for those before it that name"
            " its signers. Without it no policy is in force afterwards."
        ),
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
        if policy and not sequence:
            fail("--policy goes with --sequence: a copy of the log has its policies")
        skip = None
        if sequence and vaults is not None:
            policies = tuple(map(read_policy, policy or ()))
            skip = Skip(sequence, policy_version, read_vaults(vaults), policies)
        state = StateDirectory(state_dir)
        with state.exclusive():
            token = token_of(token_library, token_label, pin_fd)
            contents = open_contents(state_dir, passphrase_fd, token)
            trusted = contents.administrators
            root = root_of(contents)
            try:
                key = root.own_key(LOG_KEY)
                journal = recover(state, key, log, skip, utc_now(), trusted)
                print(f"the journal ends with record {journal.sequence}")
                print(*_told_of_policy(journal, trusted), sep="\n")
                journal.close()
            finally:
                root.wipe()


def _told_of_policy(journal: Journal, trusted: Administrators | None) -> list[str]:
    """What people compare with what they know."""
    in_force = PolicyInForce(trusted)
    in_force.read_all(journal.rare)
    if in_force.signed is None:
        return [notice.message for notice in in_force.notices()] or ["no policy is in force"]
    digest = sha256(in_force.signed.document).hexdigest()
    return [f"policy version {in_force.version} is in force, digest {digest}"]
