"""One leader among the processes of one machine, for databases that are a file.

The lock is the operating system's: it ends with the process, however the process ends. Knows no
database.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(database: Path, name: str) -> Iterator[bool]:
    """Try to lock `<database>.<name>.lock`, without waiting; yields whether it worked.

    Two holders inside one process exclude each other as well, since each opens the file anew.
    """
    path = database.with_name(f"{database.name}.{re.sub(r'[^a-zA-Z0-9-]', '-', name)}.lock")
    with path.open("a") as file:
        yield _try_lock(file.fileno())


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
