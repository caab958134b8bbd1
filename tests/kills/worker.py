"""A worker that dies where it is told to: the real one, with a trap at each boundary.

A boundary is where it commits, asks a node, or asks the signer, for the work of a transfer. They
are found by running it: each one that is met is written to `KILLS_SEEN`. What stands in `KILLS_AT`
is where it dies, once, with SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final

import custody
from chains.nodes.adapter import Nodes
from custody.config import Settings
from custody.db.session import WriteSession
from custody.workers.main import run_until_signal
from signer.client import SignerClient

_OURS: Final = str(Path(custody.__file__).parent)
NODE: Final = ("claim", "prepare", "broadcast", "statuses", "prices")
SIGNER: Final = ("sign", "consider", "records", "policy")
_PLUMBING: Final = ("/custody/db/", "/custody/alarms/")
"""Whose callers are meant."""
_seen: set[str] = set()


def boundary(when: str, what: str) -> None:
    label = f"{when} {what}"
    seen, at = Path(os.environ["KILLS_SEEN"]), Path(os.environ["KILLS_AT"])
    if label not in _seen:
        _seen.add(label)
        with seen.open("a") as file:
            file.write(f"{label}\n")
    if at.exists() and at.read_text() == label:
        at.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def place() -> str | None:
    """Whose commit it is."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_OURS) and not any(each in path for each in _PLUMBING):
            module = path.removeprefix(_OURS).removesuffix(".py").strip("/").replace("/", ".")
            return f"commit {module}.{frame.f_code.co_qualname}"
        frame = frame.f_back  # type: ignore[assignment]
    return None


def trapped(real: Callable[..., Any], named: Callable[[], str | None]) -> Callable[..., Any]:
    @wraps(real)
    async def call(*given: Any, **more: Any) -> Any:
        what = named()
        if what is not None:
            boundary("before", what)
        answer = await real(*given, **more)
        if what is not None:
            boundary("after", what)
        return answer

    return call


def install() -> None:
    WriteSession.commit = trapped(WriteSession.commit, place)  # type: ignore[method-assign]
    for owner, names, kind in ((Nodes, NODE, "node"), (SignerClient, SIGNER, "signer")):
        for name in names:
            setattr(owner, name, trapped(getattr(owner, name), partial(str, f"{kind} {name}")))


if __name__ == "__main__":
    install()
    asyncio.run(run_until_signal(Settings()))
