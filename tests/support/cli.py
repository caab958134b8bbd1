"""Runs the `custody` command in this process, and what its tests hand it: policies, keys, pipes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner, Result

from custody.cli import app, keyfile
from tests.support.networks import all_networks, find_network

PASSPHRASE = "correct horse battery staple"
CHEAP: Final = keyfile.Cost(memory_kib=19 * 1024, iterations=2, lanes=1)
"""The least that a key file may ask for, so that tests don't wait for Argon2id."""


def run(*arguments: str | Path, env: Mapping[str, str] | None = None, typed: str = "") -> Result:
    """The command's result; anything but an exit is a bug and raised."""
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=typed, env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*arguments: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a command that works."""
    result = run(*arguments, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(exit_code: int, *arguments: str | Path, env: Mapping[str, str] | None = None) -> str:
    """What a command says on standard error when it ends with `exit_code`."""
    result = run(*arguments, env=env)
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.output
    return result.stderr


def piped(secret: str) -> str:
    """The number of a file descriptor that holds `secret`, as a shell would pass it."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(secret.encode())
    return str(reading)


def passphrase_fd(passphrase: str = PASSPHRASE) -> tuple[str, str]:
    return "--passphrase-fd", piped(passphrase + "\n")


def make_key(folder: Path, role: str, person: str) -> tuple[Path, dict[str, Any]]:
    """A key file made by the command, and the line it printed. `role`: policy or approver."""
    path = folder / f"{person}.{role}.key"
    printed = done(role, "keygen", "--id", person, "--out", path, *passphrase_fd())
    row: dict[str, Any] = json.loads(printed)
    return path, row


def secret_file(path: Path, secret: str) -> Path:
    """That only we may read."""
    path.touch(mode=0o600)
    path.write_text(secret + "\n")
    return path


def scope(**narrow: Any) -> dict[str, Any]:
    names = "clients vaults networks assets destinations initiators".split()
    return dict.fromkeys(names, "any") | {"actions": ["transfer"]} | narrow


def allow(name: str, *needs: tuple[str, int], most: int | None = None) -> dict[str, Any]:
    """A rule for every network's native coin; `most` base units of bitcoin-regtest's in one
    transaction and in a day, if given."""
    btc = find_network("bitcoin-regtest").native.id
    day = {"asset": btc, "seconds": 86400, "count": None, "per_destination": False}
    paying = sorted(all_networks()) if most is None else [find_network("bitcoin-regtest").id]
    return {
        "id": name,
        "effect": "allow",
        "scope": scope() if most is None else scope(assets=[btc]),
        "limits": {
            "per_transfer": [] if most is None else [{"asset": btc, "amount": str(most)}],
            "windows": [] if most is None else [day | {"amount": str(most)}],
            "hours": None,
        },
        "grant": {
            "costs": [
                {"network": name, "kind": kind, "amount": str(10**18)}
                for name in paying
                for kind in ("fee", "rent", "activation")
            ],
            "approvals": {
                "order": "any",
                "needs": [{"group": group, "count": count} for group, count in needs],
            },
            "time_lock_s": 0,
            "mandate_lifetime_s": 7 * 86400,
        },
    }


def deny(name: str, **narrow: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"per_transfer": [], "windows": [], "hours": None}
    scoped = scope(**narrow)
    return {"id": name, "effect": "deny", "scope": scoped, "limits": nothing, "grant": None}


def policy(
    *rules: dict[str, Any],
    administrators: Sequence[dict[str, Any]],
    threshold: int = 1,
    version: int = 1,
    persons: Sequence[dict[str, Any]] = (),
    machines: Sequence[dict[str, Any]] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    destinations: Sequence[dict[str, Any]] = (),
    networks: Sequence[dict[str, Any]] = (),
    assets: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "format": 2,
        "version": version,
        "administrators": {"threshold": threshold, "members": list(administrators)},
        "persons": list(persons),
        "machines": list(machines),
        "groups": [{"id": name, "members": list(who)} for name, who in (groups or {}).items()],
        "destinations": list(destinations),
        "rules": list(rules),
        "networks": list(networks),
        "assets": list(assets),
    }


def write_json(path: Path, row: Any) -> Path:
    path.write_text(json.dumps(row, indent=2))
    return path


CUSTODY: Final = (
    "from custody.cli import app, keyfile as k; k.USUAL_COST = k.Cost(19456, 2, 1); app()"
)


def at_terminal(arguments: list[str], typed: list[str], program: str = CUSTODY) -> tuple[int, str]:
    """Exit code and everything a person would see; each line is typed at its prompt."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "TERM": "dumb"},
        preexec_fn=_take_terminal,
    )
    os.close(slave)
    seen = b""
    try:
        for line in typed:
            seen += _read_until(master, b": ")
            os.write(master, line.encode() + b"\n")
        seen += _read_until(master, None)
        return process.wait(timeout=30), seen.decode()
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_until(master: int, end: bytes | None) -> bytes:
    seen = b""
    while end is None or not seen.endswith(end):
        try:
            part = os.read(master, 1024)
        except OSError:  # how Linux says that nobody holds the other side any more
            break
        if not part:
            break
        seen += part
    return seen
