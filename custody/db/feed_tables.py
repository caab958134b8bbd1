"""The rows of the feeds: what happened, and which number it has in its client's feed.

A row gets its number after it was committed, by one leader (`feeds.sequencer`). Until then its name
stands in `unsequenced`. The database itself writes it there (`feed_triggers`), so nothing that
happened can be left out.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import Ordinal


class EventRow(Row):
    """A change of `subject`, a row of the table that `kind` stands for. `state`: the one after the
    change. `vault_id`: as the subject has it; null for what concerns no vault. `client_id`: whose
    it is then; null for what concerns everybody. `seq` sorts the events of one subject, and is no
    place in a feed."""

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    vault_id: Mapped[str | None]
    event: Mapped[str]
    state: Mapped[str]
    detail: Mapped[str | None]
    created_at: Mapped[datetime]
    client_id: Mapped[str | None]


class UnsequencedRow(Row):
    """An event or a ledger entry, one of the two, that has no number yet. Gone once it has."""

    __tablename__ = "unsequenced"
    seq: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=True)
    event_seq: Mapped[int | None] = mapped_column(Ordinal)
    entry_id: Mapped[str | None]


class SequencedEventRow(Row):
    """The place of an event. `position` numbers all events from 1, `sequence` those of a client;
    what concerns no client has no `sequence`. `mark`: random, one for each batch. If a restored
    database gives a number away a second time, whoever has read the first can tell."""

    __tablename__ = "sequenced_events"
    __table_args__ = (UniqueConstraint("client_id", "sequence"),)
    position: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=False)
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.id"))
    sequence: Mapped[int | None] = mapped_column(Ordinal)
    event_seq: Mapped[int] = mapped_column(Ordinal, ForeignKey("events.seq"), unique=True)
    mark: Mapped[str]


class SequencedEntryRow(Row):
    """The same of a ledger entry. It has a place for each client whose vaults it touches: as a
    rule one."""

    __tablename__ = "sequenced_entries"
    __table_args__ = (UniqueConstraint("client_id", "sequence"),)
    position: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=False)
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.id"))
    sequence: Mapped[int | None] = mapped_column(Ordinal)
    entry_id: Mapped[str] = mapped_column(ForeignKey("ledger_entries.id"))
    mark: Mapped[str]


Index("ix_sequenced_entries_entry_id", SequencedEntryRow.entry_id)


class LedgerHeadRow(Row):
    """The digest of all ledger entries up to and including `position` (`ledger.chain`)."""

    __tablename__ = "ledger_heads"
    position: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=False)
    digest: Mapped[bytes]
    created_at: Mapped[datetime]
