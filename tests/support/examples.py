"""Descriptions of contracts as `docs/examples/defi.json` ships them, with a test's addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "defi.json"
MAIN = "eip155:1"


@cache
def named() -> Mapping[str, str]:
    """The address on the main network, by the contract's name."""
    return {each["name"]: each["address"] for each in json.loads(FILE.read_text())["contracts"]}


def example(network: str, places: Mapping[str, str]) -> dict[str, Any]:
    """The file's contracts, of those that `places` names (by name: address), and its entries for
    rules about them, as they would be on `network`."""
    text = FILE.read_text().replace(f'"{MAIN}"', f'"{network}"').replace(f"{MAIN}/", f"{network}/")
    for name, address in places.items():
        text = text.replace(named()[name], address)
    found = json.loads(text)
    there = set(places.values())
    return {
        "contracts": [each for each in found["contracts"] if each["address"] in there],
        "calls": [each for each in found["calls"] if each["contract"] in there],
    }
