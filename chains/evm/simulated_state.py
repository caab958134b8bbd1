"""The state that a traced call leaves behind, as a node takes it for another call. Pure.

A tracer shows what changed (`prestateTracer` with `diffMode`), in which a slot that became zero is
in `pre` alone, and so is an account that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_ZERO: Final = "0x" + "00" * 32


def overrides(diff: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """State overrides, as `eth_call` takes them. Raises what a malformed answer gives."""
    before, after = diff["pre"], diff["post"]
    changed: dict[str, dict[str, Any]] = {}
    for account in {**before, **after}:
        was, became = before.get(account, {}), after.get(account)
        if became is None and "code" in was:
            changed[account] = {"code": "0x", "balance": "0x0", "state": {}}
            continue
        became = became or {}
        row = {name: became[name] for name in ("balance", "code") if name in became}
        if "nonce" in became:
            row["nonce"] = hex(int(became["nonce"]))
        slots = dict.fromkeys(was.get("storage") or {}, _ZERO) | dict(became.get("storage") or {})
        changed[account] = row | ({"stateDiff": slots} if slots else {})
    return changed


def traced_logs(frame: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of a call and all that it called, without those that failed."""
    if frame.get("error"):
        return
    yield from frame.get("logs") or ()
    for each in frame.get("calls") or ():
        yield from traced_logs(each)
