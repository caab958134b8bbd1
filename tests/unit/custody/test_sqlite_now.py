"""The clock of SQLite, also where a library has left the processor's oldest registers full."""

from __future__ import annotations

import ctypes
import mmap
import platform
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from custody.db.types import SQLITE_NOW

FILLS = "d9e8" * 8 + "c3"
"""fld1, eight times; ret."""
EMPTIES = "dbe3" + "c3"
"""fninit; ret."""


def shown(expression: str) -> str:
    with sqlite3.connect(":memory:") as connection:
        (text,) = connection.execute(f"SELECT {expression}").fetchone()
    connection.close()
    return str(text)


def run(digits: str) -> None:
    """Machine code, given in hexadecimal digits."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as m:
        m.write(bytes.fromhex(digits))
        start = ctypes.c_char.from_buffer(m)
        ctypes.CFUNCTYPE(None)(ctypes.addressof(start))()
        del start


def test_it_is_this_hosts_to_the_millisecond() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    now = datetime.strptime(shown(SQLITE_NOW), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    assert before <= now <= datetime.now(UTC)


@pytest.mark.parametrize("ms", [0, 1, 7, 10, 499, 500, 998, 999])
def test_each_millisecond_is_itself(ms: int) -> None:
    moment = f"2026-02-28 23:59:59.{ms:03}"
    assert shown(SQLITE_NOW.replace("'now'", f"'{moment}'")) == f"{moment}000"


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="other processors have no such registers"
)
def test_full_registers_do_not_reach_it() -> None:
    run(FILLS)
    try:
        text = shown(SQLITE_NOW)
    finally:
        run(EMPTIES)
    datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007
