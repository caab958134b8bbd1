"""Tokens on the local TRON chain: their bytecode, and calls to them by another's encoder."""

from __future__ import annotations

import json
from pathlib import Path

_VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "tron_tokens"


def bytecode(name: str) -> bytes:
    return bytes.fromhex(json.loads((_VECTORS / f"{name}.json").read_text())["bytecode"])
