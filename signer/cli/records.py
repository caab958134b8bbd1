"""The audit log, and going on after the journal was lost."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from signer.auditlog import verify_log
from signer.cli.common import fail, open_contents, read_policy, reported, token_of
from signer.cli.options import PassphraseFd, PinFd, StateDir, TokenLabel, TokenLibrary
from signer.clock import utc_now
from signer.inforce import PolicyInForce
from signer.journal import Journal
from signer.policy import Administrators
from signer.proof import Proof
from signer.proving import prove_from_log
from signer.recovery import Skip, read_vaults, recover
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
    in_force.read_all(journal)
    if in_force.signed is None:
        return [notice.message for notice in in_force.notices()] or ["no policy is in force"]
    digest = sha256(in_force.signed.document).hexdigest()
    return [f"policy version {in_force.version} is in force, digest {digest}"]
