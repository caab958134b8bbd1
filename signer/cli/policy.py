"""The policy, past custody: publish it and read it at the signer itself.

Custody's host carries policies on ordinary days. When it can't be trusted to, or is down, the
administrators bring the file to the signer's operator.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from signer.cli.common import fail, read_policy, reported
from signer.cli.options import StateDir
from signer.control import ask
from signer.policy import SignedPolicy
from signer.state import StateDirectory
from signer.wire import canonical_json


def publish(
    file: Annotated[Path, typer.Argument(help="The signed policy (`custody policy sign`).")],
    state_dir: StateDir,
) -> None:
    """Put a signed policy in force at the running signer, which checks every signature."""
    with reported():
        signed = read_policy(file)
        arguments = {"policy": signed.to_json()}
        version = ask(StateDirectory(state_dir).control, "publish_policy", arguments)
        print(f"version {version} is in force, digest {sha256(signed.document).hexdigest()}")


def show(state_dir: StateDir) -> None:
    """Print the signed policy in force, as a file that `publish` and `recover` take."""
    with reported():
        row = ask(StateDirectory(state_dir).control, "policy", {})
        if row is None:
            fail("no policy is in force")
        print(canonical_json(SignedPolicy.parse(row).to_json()).decode())
