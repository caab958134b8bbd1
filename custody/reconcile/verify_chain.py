"""Recomputes the ledger's chain from its entries and compares it with every head that was kept."""

from __future__ import annotations

from custody.db.session import ReadSession
from custody.ledger import head_repository as repository
from custody.ledger.chain import Head


async def check_chain(session: ReadSession, noted: Head | None) -> tuple[list[str], Head]:
    """What differs, and the head of all entries. `noted`: a head that somebody kept elsewhere.

    After a head that differs it goes on from that head, so each stretch that was changed is named,
    and no other.
    """
    wrong: list[str] = []
    head = Head()
    computed = kept = Head()
    noted_seen = noted is None or noted == head
    while entries := await repository.placed_after(session, head.position):
        stored = await repository.between(session, head.position, entries[-1].position)
        for placed in entries:
            head = head.then(placed)
            computed = computed.then(placed) if wrong else head
            noted_seen = noted_seen or computed == noted
            digest = stored.pop(placed.position, None)
            if digest is None:
                continue
            if digest != head.digest:
                wrong.append(f"entries {kept.position + 1} to {placed.position}")
                head = Head(placed.position, digest)
            kept = head
        wrong += [f"entry {position} is gone" for position in sorted(stored)]
    newest = await repository.newest(session)
    if newest.position > computed.position:
        wrong.append(f"entries {computed.position + 1} to {newest.position} are gone")
    if not noted_seen:
        wrong.append(f"the noted head {noted} is not in this ledger")
    return wrong, computed
