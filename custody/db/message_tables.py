"""What a transfer of kind `message` has signed, byte for byte. As `tables`: rows only."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row


class MessageRow(Row):
    """`kind`: see `chains.messages.model`. `content`: the text, or typed data in its one spelling.
    What it does, as effects, stands in the transfer's mandate; the bytes don't, where it gives
    something away. `signer`: the address, whose path is in the mandate."""

    __tablename__ = "messages"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    kind: Mapped[str]
    signer: Mapped[str]
    content: Mapped[bytes]
