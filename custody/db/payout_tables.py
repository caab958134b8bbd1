"""Rows of files of payouts, and of their lines. Rows only, as in `tables`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits, Serial


class PayoutFileRow(Row):
    """A list of payments that a client has sent. `id` follows from the client, its `reference` and
    what the lines say (`payouts.model`). `digest`: of the lines; `lines`: how many. `form`: csv or
    jsonl; `columns_json`: those of its header, in order. `state`: see `payouts.model`. `key_id`:
    the API key that sent it, in the name of `initiator`. `reject_duplicates`: as in a request."""

    __tablename__ = "payout_files"
    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"), index=True)
    reference: Mapped[str | None]
    digest: Mapped[bytes]
    form: Mapped[str]
    columns_json: Mapped[str]
    lines: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    reject_duplicates: Mapped[bool]
    initiator: Mapped[str]
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    serial: Mapped[Serial]


Index("ix_payout_files_reference", PayoutFileRow.reference, PayoutFileRow.client_id, unique=True)


class PayoutLineRow(Row):
    """One of its payments. `number` counts them from 1; `line` is where it begins in the file.
    `cells_json`: what was given, in its words; `request_json`: what that means in base units, with
    `asset` and `amount` beside it; null where it means nothing. `same_as`: the number of an earlier
    line that pays the same. `code`, `field` and `detail` say why it became no payment."""

    __tablename__ = "payout_lines"
    file_id: Mapped[str] = mapped_column(ForeignKey("payout_files.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int]
    cells_json: Mapped[str]
    request_json: Mapped[str | None]
    asset: Mapped[str | None]
    amount: Mapped[int | None] = mapped_column(BaseUnits)
    same_as: Mapped[int | None]
    state: Mapped[str]
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    field: Mapped[str | None]
    detail: Mapped[str | None]


Index("ix_payout_lines_state", PayoutLineRow.file_id, PayoutLineRow.state, PayoutLineRow.number)
