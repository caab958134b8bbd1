"""Queries on the log's rows, and on what waits to be logged. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Select, cast, exists, func, select

from custody.db.feed_tables import LedgerHeadRow
from custody.db.log_tables import (
    EvidenceManifestRow,
    LogCheckpointRow,
    LogCosignatureRow,
    LogEntryRow,
)
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import PolicyVersionRow, SignerCheckpointRow
from custody.log.leaf import Kind
from signer.tree import HASH_BYTES, Frontier, Nodes, frontier_of

Place = tuple[int, int]
"""A level of the tree and an index in it."""
_TOGETHER: Final = 500
"""Numbers in one statement."""


class Found(NamedTuple):
    """Something that is to be logged."""

    kind: str
    name: str
    digest: bytes


async def size(session: ReadSession, origin: str) -> int:
    row = LogEntryRow
    newest = await session.first(
        select(row.number).where(row.origin == origin).order_by(row.number.desc()).limit(1)
    )
    return 0 if newest is None else newest + 1


async def nodes(session: ReadSession, origin: str, places: Collection[Place]) -> Nodes:
    """The nodes at these places, which must be complete. The entry that completes a subtree has its
    root. Raises LookupError for one that is not there, when it is asked for."""
    numbers = sorted({((index + 1) << level) - 1 for level, index in places})
    kept: dict[int, bytes] = {}
    row = LogEntryRow
    for at in range(0, len(numbers), _TOGETHER):
        mine = select(row.number, row.nodes).where(
            row.origin == origin, row.number.in_(numbers[at : at + _TOGETHER])
        )
        kept |= dict(await session.rows(mine))

    def node(level: int, index: int) -> bytes:
        completed = kept[((index + 1) << level) - 1]
        found = completed[level * HASH_BYTES : (level + 1) * HASH_BYTES]
        if len(found) != HASH_BYTES:
            raise LookupError(f"the log has no node {index} of level {level}")
        return found

    return node


def asked(plan: Callable[[Nodes], object]) -> list[Place]:
    """Which nodes `plan` looks up; it may not decide by what they are."""
    places: list[Place] = []

    def node(level: int, index: int) -> bytes:
        places.append((level, index))
        return bytes(HASH_BYTES)

    plan(node)
    return places


async def frontier(session: ReadSession, origin: str, count: int) -> Frontier:
    """Of the first `count` leaves."""
    found = await nodes(session, origin, asked(lambda node: frontier_of(count, node)))
    return frontier_of(count, found)


async def entry(session: ReadSession, origin: str, kind: str, name: str) -> LogEntryRow | None:
    row = LogEntryRow
    named = select(row).where(row.origin == origin, row.kind == kind, row.name == name)
    return await session.first(named)


async def append(session: WriteSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.insert(LogEntryRow, rows)


async def other_origin(session: ReadSession, origin: str) -> str | None:
    """The newest checkpoint of any other origin."""
    row = LogCheckpointRow
    others = select(row.note).where(row.origin != origin)
    return await session.first(others.order_by(row.created_at.desc(), row.size.desc()).limit(1))


async def waiting(
    session: ReadSession, origin: str, since: datetime | None, most: int
) -> list[Found]:
    """What exists and is not in the log yet: of heads and bundles at most `most`, the oldest first.
    `since`: of bundles, only those that were made from then on."""
    policy, head = PolicyVersionRow, LedgerHeadRow
    digests = await session.all(select(policy.digest).order_by(policy.in_force_at, policy.digest))
    known = await _known(session, origin, Kind.POLICY)
    found = [Found(Kind.POLICY, each.hex(), each) for each in digests if each.hex() not in known]
    newest = await _newest(session, origin, Kind.LEDGER_HEAD)
    heads = select(head.position, head.digest).where(head.position > newest)
    for position, digest in await session.rows(heads.order_by(head.position).limit(most)):
        found.append(Found(Kind.LEDGER_HEAD, str(position), digest))
    names = await session.all(_bundles(origin, since).limit(most))
    found += [Found(Kind.EVIDENCE, name, bytes.fromhex(name)) for name in names]
    return found


def _bundles(origin: str, since: datetime | None) -> Select[str]:
    bundle, entry_ = EvidenceManifestRow, LogEntryRow
    logged = exists().where(*_logged(origin, Kind.EVIDENCE), entry_.name == bundle.digest)
    wanted = select(bundle.digest).where(~logged).order_by(bundle.made_at, bundle.digest)
    return wanted if since is None else wanted.where(bundle.made_at >= since)


async def signer_notes(session: ReadSession) -> Sequence[str]:
    row = SignerCheckpointRow
    return await session.all(select(row.note).order_by(row.origin))


async def store_checkpoint(
    session: WriteSession, origin: str, count: int, note: str, now: datetime
) -> None:
    row = {"origin": origin, "size": count, "note": note, "created_at": now}
    await session.insert(LogCheckpointRow, [row])


async def newest_checkpoint(session: ReadSession, origin: str) -> LogCheckpointRow | None:
    row = LogCheckpointRow
    mine = select(row).where(row.origin == origin)
    return await session.first(mine.order_by(row.size.desc()).limit(1))


async def checkpoint(session: ReadSession, origin: str, count: int) -> str:
    """The note of the checkpoint of this size, which there is."""
    row = LogCheckpointRow
    return await session.one(select(row.note).where(row.origin == origin, row.size == count))


async def best_checkpoint(
    session: ReadSession, origin: str, number: int
) -> LogCheckpointRow | None:
    """That has the leaf `number`: the one that most witnesses signed, of those the newest."""
    row, signed = LogCheckpointRow, LogCosignatureRow
    count = (
        select(func.count())
        .where(signed.origin == row.origin, signed.size == row.size)
        .correlate(row)
        .scalar_subquery()
    )
    mine = select(row).where(row.origin == origin, row.size > number)
    return await session.first(mine.order_by(count.desc(), row.size.desc()).limit(1))


async def cosignatures(
    session: ReadSession, origin: str, count: int
) -> Sequence[LogCosignatureRow]:
    row = LogCosignatureRow
    mine = select(row).where(row.origin == origin, row.size == count)
    return await session.all(mine.order_by(row.witness))


async def newest_cosigned(session: ReadSession, origin: str, witness: str) -> int:
    """The size of the newest checkpoint that this witness signed, 0 if there is none."""
    row = LogCosignatureRow
    mine = select(func.max(row.size)).where(row.origin == origin, row.witness == witness)
    return await session.first(mine) or 0


async def oldest_after(session: ReadSession, origin: str, count: int) -> datetime | None:
    """When the first checkpoint above `count` leaves was signed."""
    row = LogCheckpointRow
    later = select(row.created_at).where(row.origin == origin, row.size > count)
    return await session.first(later.order_by(row.size).limit(1))


async def store_cosignature(session: WriteSession, row: Mapping[str, Any]) -> None:
    await session.insert(LogCosignatureRow, [row])


async def note_bundle(session: WriteSession, digest: bytes, subject: str, now: datetime) -> None:
    row = {"digest": digest.hex(), "subject": subject, "made_at": now}
    await session.insert(EvidenceManifestRow, [row])


def _logged(origin: str, kind: Kind) -> tuple[Any, ...]:
    return LogEntryRow.origin == origin, LogEntryRow.kind == kind.value


async def _known(session: ReadSession, origin: str, kind: Kind) -> set[str]:
    return set(await session.all(select(LogEntryRow.name).where(*_logged(origin, kind))))


async def _newest(session: ReadSession, origin: str, kind: Kind) -> int:
    """The greatest number that is the name of one."""
    name = cast(LogEntryRow.name, BigInteger)
    return await session.first(select(func.max(name)).where(*_logged(origin, kind))) or 0
