"""Proofs about the log: from the journal, for who asks the running signer, and from the audit log.

A proof is made against the newest checkpoint of the record's origin. Of an origin that a recovery
ended that is where it ended: what the journal still has is the beginning of all that was ever
signed for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from signer.canonical import canonical_json
from signer.chain import End
from signer.errors import JournalDamaged
from signer.journal import Journal
from signer.logfile import walk
from signer.proof import Proof
from signer.tree import (
    HASH_BYTES,
    Frontier,
    Nodes,
    consistency_path,
    inclusion_path,
    leaf_hash,
)


class Proven(NamedTuple):
    """A record's leaf hash, kind and canonical bytes, and the proof without them."""

    leaf: bytes
    kind: str
    record: bytes
    proof: Proof


def prove_record(journal: Journal, sequence: int) -> Proven | None:
    """None if the journal has no such record."""
    found = journal.record_at(sequence)
    if found is None:
        return None
    kind, record = found
    end = journal.end_of(sequence)
    index = sequence - end.first
    path = inclusion_path(index, end.tree.size, journal.nodes_of(end))
    note = journal.seal() if end == journal.end else journal.seal_of(end)
    return Proven(leaf_hash(record), kind, record, Proof(index, path, note))


def prove_consistency(
    journal: Journal, origin: str, old: int, new: int
) -> tuple[bytes, ...] | None:
    """That the first `old` leaves of this origin are the beginning of the first `new`. None if the
    journal does not have so many of it."""
    end = next((end for end in journal.ends() if end.origin == origin), None)
    if end is None or not 0 < old <= new <= end.tree.size:
        return None
    return consistency_path(old, new, journal.nodes_of(end))


def prove_from_log(path: Path, log_key: bytes, sequence: int) -> Proof:
    """From a copy of the audit log, which is verified on the way; with the record. Raises
    JournalDamaged, also if there is no such record under a checkpoint."""
    found: tuple[End, bytes] | None = None
    leaves, sealed, size = bytearray(), "", 0
    for end, record, note in walk(path, log_key):
        if found is not None and end.origin != found[0].origin:
            break
        if record is None:
            sealed, size = (note, end.tree.size) if found is not None else ("", 0)
            continue
        if end.tree.size == 1:
            leaves.clear()
        data = canonical_json(record.body)
        leaves += leaf_hash(data)
        if record.sequence == sequence:
            found = end, data
    if found is None or not sealed:
        raise JournalDamaged(f"there is no record {sequence} under a checkpoint in this log")
    end, data = found
    index = end.tree.size - 1
    return Proof(index, inclusion_path(index, size, _nodes_over(leaves)), sealed, data)


def _nodes_over(leaves: bytes | bytearray) -> Nodes:
    """From the leaf hashes alone, each node anew: for a single proof that is one pass."""

    def node(level: int, position: int) -> bytes:
        tree, start = Frontier(), position << level
        for at in range(start, start + (1 << level)):
            tree, _ = tree.grown(bytes(leaves[at * HASH_BYTES : (at + 1) * HASH_BYTES]))
        return tree.root()

    return node
