"""What an app asks of a vault becomes a transfer, and the same request finds it again while it
waits.

Programs that know wallets have no retry keys and give up after seconds, while people take minutes.
So a request's own content is its retry key, with the number of times that it was asked for: the
number grows once its end was told. The row that says so stands before the transfer is asked for,
and the transfer's id follows from it; who dies anywhere in between asks again, and pays once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy.exc import IntegrityError

from custody.apikeys.model import Caller
from custody.approvals.service import Approvals
from custody.db.ids import new_id
from custody.db.rpc_tables import RpcAskRow
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.errors import Unprocessable
from custody.provider import repository
from custody.provider.model import GRACE, Needed, Progress, ToldAs
from custody.transfers import repository as transfers
from custody.transfers.request import Answer, Idempotency, Shown, TransferRequest
from custody.transfers.request import transfer_id_of as derived
from custody.transfers.service import Transfers
from custody.transfers.showing import shown
from custody.transfers.state import State
from signer.agreement import Purpose

ROUTE: Final = "rpc"
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """The transfer that was made, or is there already. `ask`: the row whose end is to be told; None
    of what has a retry key of its own."""

    transfer_id: str
    ask: str | None


class Denied(Exception):
    """It was refused for good when it was asked for. `transfer_id`: where that is on record. `ask`:
    as of `Asked`."""

    def __init__(self, code: str, detail: str, transfer_id: str | None, ask: str | None) -> None:
        super().__init__(detail)
        self.code = code
        self.transfer_id = transfer_id
        self.ask = ask


class Asks:
    """`lifetime`: of the terms that are offered."""

    def __init__(
        self,
        *,
        database: Database,
        transfers: Transfers,
        approvals: Approvals,
        clock: Callable[[], datetime],
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._transfers = transfers
        self._approvals = approvals
        self._clock = clock
        self._lifetime = lifetime

    async def ask(
        self, wanted: TransferRequest, caller: Caller, digest: bytes, key: str | None = None
    ) -> Asked:
        """Have the transfer made, or find the one that was made of the same request and whose end
        nobody was told. `digest`: of all that was asked, and of who asks; `key`: a retry key that
        the app named itself, which stands for one transfer for ever.

        Raises Denied, and whatever `Transfers.create` raises.
        """
        ask = None
        if key is None:
            ask, key = await self._open(wanted.vault_id, wanted.network, digest)
        named = Idempotency(ROUTE, key, digest)
        wanted = replace(wanted, lifetime=self._lifetime)
        answer = await self._transfers.create(wanted, caller, named, _Renderer())
        made = json.loads(answer.body)
        if "code" in made:
            raise Denied(made["code"], made["detail"], made["transfer"], ask)
        return Asked(made["transfer"], ask)

    async def told(self, ask: str, told_as: ToldAs) -> None:
        """The app knows how it ended: the same request again is another one."""
        async with self._database.write() as session:
            await repository.mark_told(session, ask, told_as, self._clock())

    async def progress(self, transfer_id: str) -> Progress | None:
        """Raises what the policy's source raises. None: there is no such transfer."""
        async with self._database.read() as session:
            row = await transfers.find_transfer(session, transfer_id, None)
            if row is None:
                return None
            (found,) = await shown(session, [row])
            needs: tuple[Needed, ...] = ()
            if row.state == State.AWAITING_APPROVAL:
                needs = tuple(Needed(*each) for each in await self._approvals.needed(session, row))
        return _progress(found, needs)

    async def settled(self, transfer_id: str, patience_s: float) -> Progress:
        """As soon as there is something to tell, or how far it has come when patience is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_s
        while True:
            found = await self.progress(transfer_id)
            assert found is not None, "transfers are never deleted"
            left = until - loop.time()
            if found.is_told or left <= 0:
                return found
            await asyncio.sleep(min(_LOOK_S, left))

    async def transfer_of(self, vault_id: str, key: str) -> str | None:
        """The id of the transfer that was asked for under a retry key, if there is one."""
        async with self._database.read() as session:
            vault = await session.get(VaultRow, vault_id)
            assert vault is not None
            named = derived(vault.client_id, key)
            known = await transfers.find_transfer(session, named, None)
            return None if known is None else named

    async def _open(self, vault_id: str, network: str, digest: bytes) -> tuple[str, str]:
        """The row of the request that is open, and its retry key."""
        try:
            return await self._opened(vault_id, network, digest)
        except IntegrityError:  # the same request, at the same moment
            return await self._opened(vault_id, network, digest)

    async def _opened(self, vault_id: str, network: str, digest: bytes) -> tuple[str, str]:
        async with self._database.write() as session:
            newest = await repository.newest_ask(session, vault_id, network, digest)
            if newest is None or self._is_over(newest):
                number = 1 if newest is None else newest.number + 1
                newest = RpcAskRow(
                    id=new_id("ask"),
                    vault_id=vault_id,
                    network=network,
                    digest=digest,
                    number=number,
                    created_at=self._clock(),
                    told_at=None,
                    told_as=None,
                )
                session.add(newest)
            return newest.id, _key(newest)

    def _is_over(self, ask: RpcAskRow) -> bool:
        if ask.told_at is None:
            return False
        return ask.told_as != ToldAs.TXID or self._clock() - ask.told_at > GRACE


def named_key(*parts: str) -> str:
    """A retry key of its own for what these parts name together. No client can say it: theirs have
    no space."""
    digest = sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"rpc {digest.hexdigest()}"


def _key(ask: RpcAskRow) -> str:
    """It follows from the content alone, so that a database that forgot the row says it again."""
    return named_key(ask.vault_id, ask.network, ask.digest.hex(), str(ask.number))


def _progress(found: Shown, needs: tuple[Needed, ...]) -> Progress:
    sent = [
        each.txid
        for each in found.transactions
        if each.purpose == Purpose.PAY and each.broadcast_at is not None
    ]
    signed = [
        each.raw
        for each in found.transactions
        if each.purpose == Purpose.MESSAGE and each.raw is not None
    ]
    terms = transfers.agreed(found.mandates) or transfers.current(found.mandates)
    return Progress(
        transfer_id=found.row.id,
        vault_id=found.row.vault_id,
        network=found.row.network,
        initiator=found.row.initiator,
        state=State(found.row.state),
        txid=sent[-1] if sent else None,
        signature=signed[-1].decode("ascii") if signed else None,
        waiting="paused" if found.held_back else found.row.waiting,
        reason=found.row.reason,
        needs=needs,
        expires_at=terms.expires_at,
    )


class _Renderer:
    """Answers as they are stored: for `Asks` alone."""

    def created(self, made: Shown) -> Answer:
        return _answer(201, {"transfer": made.row.id})

    def denied(self, made: Shown) -> Answer:
        reason = made.row.reason or "the policy says no"
        said = {"detail": reason, "transfer": made.row.id}
        return _answer(422, {"code": "policy_denied", **said})

    def refused(self, error: Unprocessable) -> Answer:
        return _answer(422, {"code": error.code, "detail": str(error), "transfer": None})


def _answer(status: int, words: Mapping[str, str | None]) -> Answer:
    return Answer(status, json.dumps(words).encode())
