"""A transfer with its terms and a transaction, as rows made by hand."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from chains.costs import CostKind, Costs, costs_in
from chains.model import AssetId
from custody.db.session import WriteSession
from custody.db.transfer_tables import (
    MandateRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)


async def add_transfer(
    session: WriteSession,
    transfer_id: str,
    *,
    client: str,
    vault: str,
    network: str,
    asset: str,
    destination: str,
    amount: int,
    fee_max: int,
    now: datetime,
    state: str = "in_flight",
    document: bytes | None = None,
    digest: bytes | None = None,
    expires_at: datetime | None = None,
    initiator: str = "test",
    rent: int = 0,
) -> Costs:
    """With one version of its terms, which are agreed. What it may cost."""
    bounds = {CostKind.FEE: fee_max} | ({CostKind.RENT: rent} if rent else {})
    costs: Costs = costs_in(AssetId(asset), bounds)
    document = transfer_id.encode() if document is None else document
    session.add(
        TransferRow(
            id=transfer_id,
            client_id=client,
            vault_id=vault,
            network=network,
            asset=asset,
            destination=destination,
            amount=amount,
            costs_max=fee_max,
            initiator=initiator,
            state=state,
            version=1,
            requested_at=now,
            updated_at=now,
        )
    )
    await session.flush()
    session.add(
        MandateRow(
            transfer_id=transfer_id,
            version=1,
            document=document,
            digest=sha256(document).digest() if digest is None else digest,
            costs_max=costs,
            state="agreed",
            offered_at=now,
            expires_at=now if expires_at is None else expires_at,
            decided_at=now,
        )
    )
    await session.flush()
    return costs


async def add_transaction(
    session: WriteSession,
    transaction_id: str,
    transfers: list[str],
    *,
    network: str,
    vault: str,
    payload: bytes,
    now: datetime,
    txid: str | None = None,
    source: str = "test",
    state: str = "broadcast",
    signed_at: datetime | None = None,
    broadcast_at: datetime | None = None,
    purpose: str = "pay",
    raw: bytes | None = None,
) -> None:
    """That carries the transfers, each in the first version of its terms."""
    session.add(
        TransactionRow(
            id=transaction_id,
            network=network,
            vault_id=vault,
            purpose=purpose,
            source=source,
            state=state,
            version=1,
            payload=payload,
            raw=raw,
            txid=txid,
            created_at=now,
            updated_at=now,
            signed_at=signed_at,
            broadcast_at=broadcast_at,
        )
    )
    await session.flush()
    for each in transfers:
        session.add(
            TransactionTransferRow(
                transaction_id=transaction_id, transfer_id=each, mandate_version=1
            )
        )
    await session.flush()
