"""What `custody policy stop` does: an administrator's word, made and delivered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from custody.cli.keyfile import KeyFile, Role
from custody.cli.output import Failure
from custody.cli.prompts import read_passphrase
from signer.policy import Stop, stop_message
from signer.wire import MalformedMessage, parse_json

if TYPE_CHECKING:
    from signer.client import SignerClient


@dataclass(frozen=True, slots=True)
class Named:
    """What a stop is about: a signer's log and the version of its policy. None: not known."""

    origin: str | None
    policy_version: int | None


async def name_by(client: SignerClient, given: Named) -> Named:
    """What is not given, as the signer says it. Raises Failure, SignerError."""
    status = await client.status()
    if status.locked:
        raise Failure(
            "the signer is locked, so it signs nothing; a stop is taken once it is unlocked"
        )
    origin = given.origin or status.verifier_key.partition("+")[0]
    version = given.policy_version or status.policy_version
    return Named(origin, version)


def signed_stop(named: Named, key: Path, reason: str, passphrase_fd: int | None) -> Stop:
    """Raises Failure for a reason that is not one line of printable text."""
    assert named.origin is not None and named.policy_version is not None
    file = KeyFile.read(key, Role.ADMINISTRATOR)
    opened = file.open(read_passphrase(passphrase_fd, f"the key of {file.header.id}"))
    message = stop_message(named.origin, named.policy_version, opened.id, reason)
    made = Stop(named.origin, named.policy_version, opened.id, reason, opened.sign(message))
    try:
        return Stop.parse(made.to_json())
    except MalformedMessage as error:
        raise Failure(f"this can't be said in a stop: {error}") from None


def read_stop(path: Path) -> Stop:
    """Raises Failure."""
    try:
        return Stop.parse(parse_json(path.read_bytes().strip()))
    except (OSError, MalformedMessage) as error:
        raise Failure(f"{path} is not a stop: {error}") from None


async def deliver(client: SignerClient, made: Stop) -> list[str]:
    """Have the signer stop; what to tell of it. Raises SignerError."""
    version = await client.stop(made)
    return [
        f"stopped: only cancels are signed, by the word of {made.administrator}",
        f"it ends when a policy after version {version} is published: custody policy publish",
    ]
