"""What a copy of the signer's log says about one transfer: one pass, and nothing else is kept.

The whole file is verified on the way: every link of the chain, the tree, every checkpoint, and that
each policy was signed by a quorum of those who had the say then.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from signer.chain import End, Record
from signer.errors import JournalDamaged
from signer.inforce import KINDS, PolicyInForce
from signer.logfile import walk
from signer.policy import Administrators, Policy


@dataclass(frozen=True, slots=True)
class Decision:
    """A record of kind `signed`, its leaf in the tree of its origin, and the policy that was in
    force there: None if this program can't read that one."""

    record: Record
    leaf: int
    version: int
    digest: bytes
    policy: Policy | None


@dataclass(slots=True)
class LogCopy:
    """`decisions`: those about the transfer and those that were asked for, by number. `roots`: of
    the trees that were asked for, by origin and size. `policies`: every readable one that came into
    force, by digest. `fault`: why a policy did not have the signatures that it needed, if one
    lacked them; what comes after it counts for nothing. `complete`: by mandate and rule, where the
    signer first saw all approvals of the transfer, which starts a time lock. `clocks`: where the
    signer set its clock."""

    end: End
    records: int = 0
    checkpoints: int = 0
    decisions: dict[int, Decision] = field(default_factory=dict)
    roots: dict[tuple[str, int], bytes] = field(default_factory=dict)
    policies: dict[bytes, Policy] = field(default_factory=dict)
    known: set[bytes] = field(default_factory=set)
    fault: str | None = None
    complete: dict[tuple[str, str], Record] = field(default_factory=dict)
    clocks: list[Record] = field(default_factory=list)


def read_log(
    path: Path,
    log_key: bytes,
    administrators: Administrators,
    *,
    transfer: str,
    numbers: Collection[int],
    trees: Collection[tuple[str, int]],
) -> LogCopy:
    """`administrators`: those that were pinned in the signer when it was made. `numbers`: of
    records to keep beside those about the transfer. `trees`: origin and size, of which the root is
    wanted. Raises JournalDamaged for a log that is not whole, and for one without a record."""
    in_force = PolicyInForce(administrators)
    copy: LogCopy | None = None
    sealed = 0
    for end, record, _ in walk(path, log_key):
        copy = LogCopy(end) if copy is None else copy
        copy.end = end
        if (tree := (end.origin, end.tree.size)) in trees:
            copy.roots[tree] = end.tree.root()
        if record is None:
            copy.checkpoints, sealed = copy.checkpoints + 1, end.sequence
            continue
        copy.records += 1
        kind = record.body.get("kind")
        if kind in KINDS:
            _decree(copy, in_force, record)
        elif kind == "signed" and _is_wanted(record, transfer, numbers):
            leaf = record.sequence - end.first
            copy.decisions[record.sequence] = Decision(
                record, leaf, in_force.version, in_force.digest, in_force.policy
            )
        elif kind == "complete" and record.body.get("transfer") == transfer:
            started = str(record.body.get("mandate")), str(record.body.get("rule"))
            copy.complete.setdefault(started, record)
        elif kind == "clock":
            copy.clocks.append(record)
    if copy is None:
        raise JournalDamaged("the log has no record")
    if sealed != copy.end.sequence:
        raise JournalDamaged(f"records after {sealed} are not sealed by a checkpoint")
    return copy


def _decree(copy: LogCopy, in_force: PolicyInForce, record: Record) -> None:
    """A record that says who has the say."""
    if copy.fault is not None:
        return
    try:
        in_force.read(record)
    except JournalDamaged as error:
        copy.fault = str(error)
        return
    if in_force.signed is not None:
        copy.known.add(in_force.digest)
        if in_force.policy is not None:
            copy.policies[in_force.digest] = in_force.policy


def _is_wanted(record: Record, transfer: str, numbers: Collection[int]) -> bool:
    return record.body.get("transfer") == transfer or record.sequence in numbers
