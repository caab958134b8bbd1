"""Time zones from the pinned `tzdata` package, never from the machine.

A rule's hours mean the same to custody and to the signer, today and after the next system image:
distributions drop names (Debian moved `US/Eastern` away) and update rules when they like.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@lru_cache(maxsize=64)
def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises KeyError if the package has none of that name."""
    if name not in _names():
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())
