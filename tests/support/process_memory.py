"""What another process has in its memory, by the kernel's word (/proc/PID/mem)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_MAPPING: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+ *(.*)")


def readable(pid: int) -> bool:
    """Whether this user may look: of an undumpable process, root alone."""
    try:
        Path(f"/proc/{pid}/mem").open("rb").close()
    except PermissionError:
        return False
    return True


def occurrences(pid: int, needle: bytes) -> int:
    """How often the bytes occur in everything that the process can read."""
    found = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            mapping = _MAPPING.match(line)
            if mapping is None or mapping[3].startswith("[v"):  # the kernel's own pages
                continue
            start, end = int(mapping[1], 16), int(mapping[2], 16)
            memory.seek(start)
            try:
                found += memory.read(end - start).count(needle)
            except OSError:  # given back since
                continue
    return found
