"""The signer's records of a period: all leaves of its tree between two checkpoints (RFC 6962).

The roots of the complete subtrees before the first record, and every leaf after them, give the root
of each later checkpoint: so none was left out, put in, changed or moved.
"""

from collections.abc import Sequence
from functools import reduce
from hashlib import sha256
from typing import Any

from custody_verify.errors import Refuted, refute, reject
from custody_verify.log import Checkpoint, LogKey
from custody_verify.strict import fields, jcs, listed, number, octets, text


def check_records(told: Any, rows: Sequence[dict[str, Any]], pinned: LogKey | None) -> bool:
    """That the records are those under every checkpoint that is shown, and end with the last one.
    Whether they begin with the log's first. Raises Refuted, Unreadable."""
    log = fields(told, "origin size peaks checkpoints")
    origin, size = text(log["origin"]), number(log["size"])
    peaks = [octets(each, 32) for each in listed(log["peaks"])]
    signed = [Checkpoint.parse(each) for each in listed(log["checkpoints"], 1, 2)]
    reject(len(peaks) != size.bit_count() or not rows, "not the subtrees of so many leaves")
    roots, before = {}, number(rows[0]["number"]) - 1
    is_whole = not size and not before and origin.endswith("/1")
    for row in rows:
        body, leaf = row["body"], sha256(b"\0" + jcs(row["body"])).digest()
        if body["kind"] == "recovered":
            ended = fields(body["log"], "origin size root head")
            found = ended["origin"], ended["size"], ended["root"]
            refute(found != (origin, size, _root(peaks).hex()), "another log was recovered")
            origin = f"{origin.rpartition('/')[0]}/{row['number']}-{leaf[:8].hex()}"
            size, peaks = 0, []
        elif row["number"] != before + 1:
            raise Refuted("a record is missing, or twice")
        before, size = number(row["number"]), _grown(peaks, size, leaf)
        roots[origin, size] = _root(peaks)
    for each in signed:
        found_root = roots.get((each.origin, each.size))
        refute(found_root != each.root, "the records are not those that a checkpoint is of")
        if pinned is not None:
            each.check(pinned)
    refute((signed[-1].origin, signed[-1].size) != (origin, size), "records behind the last one")
    return is_whole


def _grown(peaks: list[bytes], size: int, leaf: bytes) -> int:
    """With one more leaf; the new size."""
    at = size
    while at & 1:
        leaf, at = sha256(b"\1" + peaks.pop() + leaf).digest(), at >> 1
    peaks.append(leaf)
    return size + 1


def _root(peaks: Sequence[bytes]) -> bytes:
    return reduce(lambda right, left: sha256(b"\1" + left + right).digest(), reversed(peaks))
