"""Whether the server takes writes, and keeps what it has confirmed when it, or its machine, dies.

A transfer that is forgotten after it was confirmed can't be paid twice, as the signer knows it,
but nothing is accepted until people have recovered it (docs/scaling.md).
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from custody.db.engines import open_engines

_ASKED = text(
    "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',"
    " current_setting('synchronous_commit'), current_setting('synchronous_standby_names') <> ''"
)


async def weaknesses(url: str, *, serious: bool) -> tuple[str, ...]:
    """What is wrong with the server for a process that writes, in words; nothing on SQLite.
    `serious`: for money that counts, so also what it may forget."""
    engines = open_engines(url)
    try:
        if engines.is_sqlite:
            return ()
        async with engines.read.connect() as connection:
            return await connection.run_sync(_weaknesses, serious)
    finally:
        await engines.close()


def _weaknesses(connection: Connection, serious: bool) -> tuple[str, ...]:
    is_standby, is_read_only, commits, has_standbys = connection.execute(_ASKED).one()
    found = []
    if is_standby:
        found.append("it is a standby, which takes no writes")
    elif is_read_only:
        found.append("default_transaction_read_only is on, so it takes no writes")
    if serious and commits == "off":
        found.append("synchronous_commit is off, so a crash forgets what was confirmed")
    elif serious and commits == "local" and has_standbys:
        found.append("synchronous_commit is local, so a failover forgets what was confirmed")
    return tuple(found)
