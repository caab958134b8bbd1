"""The part of the signer's log that a period rests on: every record of it, whole, with what binds
them to what was signed before and after. Read from a copy of `audit.jsonl`, verified on the way.

The peaks of the tree before the first record and all leaves give the root of every later
checkpoint: an RFC 6962 consistency proof in its long form, in which no leaf can be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signer.chain import End, Record, beginning
from signer.errors import JournalDamaged
from signer.logfile import walk


@dataclass(frozen=True, slots=True)
class Stretch:
    """`before`: how the log stood before the first of `records`. `checkpoints`: signed notes, of
    the last one before the period if there is one, and of the end."""

    before: End
    records: Sequence[Record]
    checkpoints: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        return {
            "origin": self.before.origin,
            "size": self.before.tree.size,
            "peaks": [each.hex() for each in self.before.tree.peaks],
            "checkpoints": list(self.checkpoints),
        }


def stretch(
    path: Path, log_key: bytes, begins: str, ends: str, needed: int | None = None
) -> Stretch:
    """From the last record before the one that is first not before `begins`, or from before record
    `needed` if that is earlier, to the first checkpoint over one that is not before `ends`, or to
    the end. Times as records have them. Raises JournalDamaged, also for a log that is not sealed at
    its end."""
    end, sealed = beginning(log_key), ""
    kept: list[tuple[End, Record]] = []
    checkpoints: list[str] | None = None
    growing = is_past = False
    for now, record, note in walk(path, log_key):
        if record is None:
            sealed = note
            kept = kept if growing else kept[-1:]
            if is_past:
                break
        else:
            at = str(record.body["at"])
            if checkpoints is None and at >= begins:
                checkpoints = [sealed] if sealed else []
            growing = checkpoints is not None or (needed is not None and record.sequence >= needed)
            is_past = is_past or (checkpoints is not None and at >= ends)
            kept.append((end, record))
        end = now
    if not kept or record is not None:
        raise JournalDamaged("the log has no record, or its last ones are not sealed")
    before, records = kept[0][0], [each for _, each in kept]
    return Stretch(before, records, [*(checkpoints or []), sealed])
