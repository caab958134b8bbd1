"""What `custody serve` starts beside itself: the workers, on the leash of standard input.

A thread of its own reads the leash, so that it ends this process also when the event loop hangs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from custody.config import Settings
from custody.workers.main import run_until_stopped
from custody.workers.workers import Workers

STDIN: Final = 0
GRACE_S: Final = 8.0
"""How long what is in hand may take to be let go after the parent has ended."""


def main() -> None:
    # The terminal's interrupt is for the parent, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(run_until_stopped(Settings(), _leash))


def _leash(workers: Workers) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, workers.stop)

    def call(work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(work)

    threading.Thread(target=follow, args=(STDIN, call, workers), daemon=True).start()


def follow(leash: int, call: Callable[[Callable[[], None]], None], workers: Workers) -> None:
    """Wake the workers at each byte; end them, and then this process, at the end of the leash."""
    while _is_held(leash):
        call(workers.wake)
    call(workers.stop)
    time.sleep(GRACE_S)
    os._exit(1)


def _is_held(leash: int) -> bool:
    try:
        return bool(os.read(leash, 4096))
    except OSError:
        return False


if __name__ == "__main__":
    main()
