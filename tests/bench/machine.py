"""Where it was measured, without naming the machine."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.bench.measure import FsyncedFile

_FSYNCS = 50


def describe(folder: Path) -> dict[str, str]:
    """What a reader needs to compare with other machines. `folder`: on the disk that was used."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        "fsync of 4 KiB": f"{_fsync_ms(folder):.2f} ms (median)",
        "load before the run": f"{os.getloadavg()[0]:.1f} processes",
    }


def _processor() -> str:
    found = Path("/proc/cpuinfo")
    if not found.exists():
        return platform.processor() or platform.machine()
    lines = [line for line in found.read_text().splitlines() if line.startswith("model name")]
    return lines[0].partition(":")[2].strip() if lines else platform.machine()


def _fsync_ms(folder: Path) -> float:
    file = FsyncedFile(folder / "fsync-probe")
    try:
        return median(_timed_ms(file) for _ in range(_FSYNCS))
    finally:
        file.close()


def _timed_ms(file: FsyncedFile) -> float:
    start = time.perf_counter()
    file.append()
    return (time.perf_counter() - start) * 1000
