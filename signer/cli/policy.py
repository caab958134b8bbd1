"""The policy, past custody: publish it, stop it and read it at the signer itself.

Custody's host carries policies on ordinary days. When it can't be trusted to, or is down, the
administrators bring the file to the signer's operator.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from signer.commands import fail, read_policy, read_stop
from signer.control import ask
from signer.policy import SignedPolicy
from signer.state import StateDirectory
from signer.wire import canonical_json


def publish(file: Path, state_dir: Path) -> None:
    """Put a signed policy in force at the running signer, which checks every signature."""
    signed = read_policy(file)
    arguments = {"policy": signed.to_json()}
    version = ask(StateDirectory(state_dir).control, "publish_policy", arguments)
    print(f"version {version} is in force, digest {sha256(signed.document).hexdigest()}")


def stop(file: Path, state_dir: Path) -> None:
    """Have the running signer sign nothing but cancels until a newer policy is published."""
    arguments = {"stop": read_stop(file).to_json()}
    version = ask(StateDirectory(state_dir).control, "stop", arguments)
    print(f"stopped: only cancels are signed until a policy after version {version} is published")


def show(state_dir: Path) -> None:
    """Print the signed policy in force, as a file that `publish` and `recover` take."""
    row = ask(StateDirectory(state_dir).control, "policy", {})
    if row is None:
        fail("no policy is in force")
    print(canonical_json(SignedPolicy.parse(row).to_json()).decode())
