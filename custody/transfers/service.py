"""What people do with transfers: ask for one, look at it, call it off. Moves no coin itself.

Asking is one transaction: retry key, policy, reservation, transfer, event and the work to do next.
It speaks to no node, so it works while they are away; the policy comes from the signer, which is
asked before the transaction begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from chains.adapter import ChainAdapter
from chains.catalogue import Catalogue
from chains.codec import SignsApart, TransactionCodec
from chains.costs import Costs, by_asset, costs_of
from chains.effects import Pay
from chains.families import Codecs, bounds_of
from chains.model import AssetId, NetworkId, TxId
from custody.apikeys.model import Caller
from custody.db.feed_tables import EventRow
from custody.db.ids import new_id
from custody.db.leases import Lease
from custody.db.listing import Window
from custody.db.message_tables import MessageRow
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.tables import VaultRow
from custody.db.transfer_tables import (
    MandateRow,
    TransferOutputRow,
    TransferRow,
    TransferWarningRow,
)
from custody.errors import Conflict, Invalid, NotFound, Unprocessable
from custody.events import event_fields
from custody.journal.repository import check_open, place
from custody.ledger import repository as ledger_queries
from custody.ledger.service import Ledger
from custody.policies import windows
from custody.policies.judge import Judge, Terms
from custody.policies.source import PolicySource
from custody.restraints.service import check_free
from custody.transfers import children, gas_needs, list_repository, repository, reservations
from custody.transfers.apply import Change, load, run_effects, transition
from custody.transfers.asking import (
    FIRST,
    Ask,
    check_calling,
    check_closing,
    check_external_id,
    check_maximum,
    check_outputs,
    check_possible,
    check_rearranging,
    event_of,
    fields,
    of_output,
    payment_of,
    terms,
    visible,
)
from custody.transfers.duplicates import Duplicates, warning_fields
from custody.transfers.everything import quoted, sized
from custody.transfers.filters import TransferFilter
from custody.transfers.idempotency import (
    key_reused,
    lock_answer,
    store_answer,
    stored_answer,
)
from custody.transfers.mandates import shares_in
from custody.transfers.message_repository import find_message
from custody.transfers.outputs import leaving, output_fields, payments_in
from custody.transfers.replacing import ask_for_cancel, ask_for_speed
from custody.transfers.request import (
    Answer,
    Estimate,
    Idempotency,
    Renderer,
    Shown,
    TransferRequest,
    transfer_id_of,
)
from custody.transfers.saying import check_saying, message_fields, saying
from custody.transfers.showing import shown, waits_to_leave
from custody.transfers.state import Event, State, Transfer, advance, can
from custody.transfers.withheld import bounded, told
from custody.vaults.paying import choose_source
from custody.vaults.paying_repository import Payer, find_payer, lock_payer
from custody.vaults.resolve import resolve_address
from signer.agreement import action_of
from signer.policy import basis_of
from signer.wire import Core, Mandate


class Transfers:
    """One per process. `codecs`: of the networks that are served, `adapters`: asked only what it
    costs to pay all that there is, and what a token keeps; `families`: of all in the catalogue,
    to say whose an address is; `lifetime`: from request to expiry, where the policy grants it."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        policies: PolicySource,
        codecs: Mapping[NetworkId, TransactionCodec],
        adapters: Mapping[NetworkId, ChainAdapter],
        catalogue: Catalogue,
        families: Codecs,
        clock: Callable[[], datetime],
        lifetime: timedelta,
        duplicates: Duplicates,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._policies = policies
        self._codecs = codecs
        self._adapters = adapters
        self._catalogue = catalogue
        self._families = families
        self._clock = clock
        self._lifetime = lifetime
        self._duplicates = duplicates
        self._wake = wake

    async def create(
        self, request: TransferRequest, caller: Caller, key: Idempotency, render: Renderer
    ) -> Answer:
        """Ask for a transfer. Same key and request: the stored answer.

        A policy that says no makes a transfer in state denied, for the record, and reserves
        nothing. Raises Invalid and chains.errors.InvalidInput for what can't mean anything (these
        are not stored), NotFound vault_not_found, Conflict (idempotency_key_reused,
        external_id_taken, duplicate_payment), Unavailable signer_ahead (and, of all that there is,
        the node's code), SignerError if the policy was never known,
        Unprocessable policy_missing. Every other Unprocessable (amount_above_balance,
        vault_frozen, destination_in_same_vault) becomes a stored answer.
        """
        ask = await self._quoted(await self._asked(request, caller))
        try:
            async with self._database.write_short() as session:
                ask = replace(ask, now=self._clock())
                answer = await self._create(session, ask, key, render)
        except Unprocessable as refusal:
            return await self._store_refusal(request, key, render.refused(refusal))
        except IntegrityError:
            return await self._answer_of_the_other(request, key)
        if not answer.replayed:
            self._wake()
        return answer

    def check(self, request: TransferRequest) -> None:
        """What can be judged without the database. Raises as `create` does."""
        self._understand(request)

    async def estimate(self, request: TransferRequest, caller: Caller) -> Estimate:
        """What `create` would do now: in a session that can't write, so it changes nothing. Raises
        as `create` does where that would refuse before it asks the policy."""
        ask = await self._quoted(await self._asked(request, caller))
        async with self._database.read() as session:
            ask = replace(ask, now=self._clock())
            payer = visible(ask, await find_payer(session, *payment_of(ask)))
            await check_possible(session, ask, payer)
            ask = bounded(await sized(session, ask, payer))
            mandate, verdict, *_ = await self._judge(session, ask, payer, new_id("tfr"))
            accounts = await ledger_queries.accounts_of_vault(session, payer.vault_id)
            brought = await gas_needs.foreseen(session, _wanted(ask, mandate))
        holds: dict[AssetId, int] = {}
        for asset, _, units in _parts(ask):
            holds[asset] = holds.get(asset, 0) + units
        available = dict.fromkeys(holds, 0) | {
            each.key.asset: each.available
            for each in accounts
            if each.key.asset in holds
            and each.key == reservations.payer_account(ask.kind, payer.vault_id, each.key.asset)
        }
        returns = {} if ask.whole is None else ask.whole.returns
        return Estimate(mandate, verdict, ask.policy, holds, available, returns, brought)

    async def cancel(self, transfer_id: str, caller: Caller, *, together: bool = False) -> Shown:
        """Call it off and release what it holds, while no transaction may have been signed. What
        was sent and is in no block is replaced by a transaction that pays nobody, where the chain
        can: then it is `cancelled` when that one is final, and with it all that share what was
        sent, which has to be asked for: `together`.

        Raises NotFound transfer_not_found, Conflict transfer_not_cancellable, transaction_shared,
        Unavailable signer_ahead. Repeating it is fine.
        """
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            if row is None or not caller.sees(row.client_id):
                raise NotFound("transfer_not_found", "no such transfer")
            if row.state != State.CANCELLED:
                await check_open(session)
                by, now = caller.initiator, self._clock()
                if can(load(row), Event.CANCEL):
                    await transition(session, self._ledger, row, Event.CANCEL, now, f"by {by}")
                else:
                    codec = self._codec_of(row)
                    await ask_for_cancel(session, codec, row, by, now, together=together)
            (after,) = await shown(session, [row])
        self._wake()
        return after

    async def speed_up(self, transfer_id: str, caller: Caller, txid: TxId) -> Shown:
        """Have what was sent and is in no block replaced by a transaction that does the same and
        pays more for itself, within what the terms allow. `txid`: of the one to outbid.

        Raises NotFound transfer_not_found, Conflict transfer_not_replaceable, Unavailable
        signer_ahead. Repeating it is fine: a second one is only asked for by the second's txid.
        """
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            if row is None or not caller.sees(row.client_id):
                raise NotFound("transfer_not_found", "no such transfer")
            await check_open(session)
            codec = self._codec_of(row)
            await ask_for_speed(session, codec, row, txid, caller.initiator, self._clock())
            (after,) = await shown(session, [row])
        self._wake()
        return after

    def _codec_of(self, row: TransferRow) -> TransactionCodec | None:
        return self._codecs.get(NetworkId(row.network))

    async def expire(self, now: datetime | None = None, lease: Lease | None = None) -> int:
        """End every transfer whose mandate has run out before the signer saw it. How many.

        `now`: by our clock if not given. `lease`: checked in each transaction; raises LeaseLost.
        """
        now = self._clock() if now is None else now
        async with self._database.read() as reading:
            if (await place(reading)).closed_since is not None:
                return 0  # the signer may have seen what this database takes for unseen
            ids = await repository.ids_expired(reading, now)
        ended = 0
        for transfer_id in ids:
            async with self._database.write() as session:
                if lease is not None:
                    await lease.check(session)
                row = await repository.lock_transfer(session, transfer_id)
                assert row is not None
                mandates = await repository.mandates_of(session, transfer_id)
                counts = repository.agreed(mandates) or repository.current(mandates)
                if can(load(row), Event.EXPIRE) and counts.expires_at <= now:
                    await transition(session, self._ledger, row, Event.EXPIRE, now)
                    ended += 1
        return ended

    async def get(
        self, session: ReadSession, transfer_id: str, caller: Caller
    ) -> tuple[Shown, Sequence[EventRow]]:
        """A transfer with its history. Raises NotFound transfer_not_found."""
        row = await repository.find_transfer(session, transfer_id, caller.client_id)
        if row is None:
            raise NotFound("transfer_not_found", "no such transfer")
        (found,) = await shown(session, [row])
        return found, await repository.events_of(session, transfer_id)

    async def page(
        self, session: ReadSession, wanted: TransferFilter, window: Window
    ) -> Sequence[Shown]:
        rows = await list_repository.page_of_transfers(session, wanted, window)
        return await shown(session, rows)

    # Creating, step by step

    async def _asked(self, request: TransferRequest, caller: Caller) -> Ask:
        """As far as it is known without the database."""
        if request.source is not None and not request.takes_all:
            raise Invalid("source_not_whole", "a sweep takes all there is", field="amount")
        check_rearranging(request, self._codecs.get(request.network))
        codec, payments, costs_max = self._understand(request)
        check_closing(request, codec)
        policy = await self._policies.current()
        return Ask(request, caller, codec, payments, costs_max, policy, self._clock())

    async def _quoted(self, ask: Ask) -> Ask:
        """With what a node says, where that is needed."""
        ask = await told(self._adapters, ask)
        if not ask.request.takes_all:
            return ask
        return await quoted(self._database, self._adapters, ask)

    def _understand(
        self, request: TransferRequest
    ) -> tuple[TransactionCodec, tuple[Pay, ...], Costs]:
        """What can be judged without the database."""
        codec = self._codecs.get(request.network)
        if codec is None:
            raise Invalid("network_unknown", "this network is not served here", field="network")
        held = {asset.id: asset for asset in self._catalogue.assets_of(request.network)}
        if request.asset not in held:
            raise Invalid("asset_unknown", f"no such asset on {request.network}", field="asset")
        native = codec.network.native
        calls = request.told is not None
        costs_max = bounds_of(codec.network, request.fee_max, request.asset, calls=calls)
        costs_max = {**costs_max, **costs_of(native.id, request.asset, request.costs_max)}
        # All that there can be stands here for an amount that is not known yet.
        most = held[request.asset].maximum
        amounts = [most if each.amount is None else each.amount for each in request.outputs]
        if request.takes_all and len(amounts) > 1:
            raise Invalid("amount_all_of_several", "all goes to one destination", field="outputs")
        check_maximum("amount", sum(amounts), held[request.asset])
        check_maximum("fee_max", sum(by_asset(costs_max).values()), native)
        if request.message is not None:
            check_saying(request, codec)
            return codec, (), {}
        check_calling(request, codec)
        called = () if request.told is None else (request.told,)
        payments = [*payments_in(called, native.id)]
        for number, (output, amount) in enumerate(zip(request.outputs, amounts, strict=True)):
            with of_output(number, len(request.outputs)):
                destination = resolve_address(
                    codec.network, output.destination, self._families, self._catalogue
                )
                payment = Pay(destination.address, request.asset, amount, output.memo)
                codec.check_payment(payment)
            payments.append(payment)
        payments *= request.split or 1
        if request.told is None:
            check_outputs(codec, payments)
        return codec, tuple(payments), costs_max

    async def _create(
        self, session: WriteSession, ask: Ask, key: Idempotency, render: Renderer
    ) -> Answer:
        """Locks the vault first: its transfers queue here, so each sees the windows and the balance
        that those before it left."""
        payer = visible(ask, await lock_payer(session, *payment_of(ask)))
        key = replace(key, client_id=payer.client_id)
        stored = await lock_answer(session, key)
        if stored is not None:
            return stored
        named = transfer_id_of(payer.client_id, key.key)
        ask = await saying(session, ask, payer, named)
        if await repository.is_known(session, named):
            return await _answer_of_the_known(session, ask, named, key, render)
        await check_possible(session, ask, payer)
        await check_external_id(session, ask.request, payer.client_id)
        ask = bounded(await sized(session, ask, payer))
        earlier = await self._duplicates.find(session, ask)
        mandate, verdict, shares, newest = await self._judge(session, ask, payer, named)
        event, reason = event_of(verdict)
        after, effects = advance(Transfer(mandate.core.transfer), event, reason)
        made_row, offered = fields(ask, mandate, after), terms(ask, mandate, event)
        await session.insert(TransferRow, [made_row])
        beside = output_fields(mandate.core.transfer, ask.payments)
        if beside:
            await session.insert(TransferOutputRow, beside)
        if ask.parent is not None:
            await children.record(session, mandate.core.transfer, ask.parent)
        await session.insert(MandateRow, [offered])
        await session.insert(MessageRow, message_fields(ask, mandate))
        warned = [] if earlier is None else [warning_fields(mandate.core.transfer, earlier)]
        await session.insert(TransferWarningRow, warned)
        if after.state is not State.DENIED:
            await windows.promise(session, mandate.core.transfer, shares, newest)
            await self._hold(session, ask, mandate)
        row = TransferRow(**made_row)
        happened = event_fields(row, event, after.state, after.reason, ask.now)
        await session.insert(EventRow, [happened])
        endings = await run_effects(session, Change(row, event), effects, ask.now)
        await reservations.end(session, self._ledger, endings)
        waits = payer.paused and waits_to_leave(row, ())
        warnings = tuple(TransferWarningRow(**each) for each in warned)
        offers = (MandateRow(**offered),)
        made = Shown(row, ask.payments, offers, (), waits, warnings, ask.request.told)
        answer = render.denied(made) if after.state is State.DENIED else render.created(made)
        await store_answer(session, key, answer, ask.now)
        return answer

    async def _judge(self, session: ReadSession, ask: Ask, payer: Payer, named: str) -> Terms:
        """The mandate, and what the policy makes of it."""
        network = ask.codec.network
        total = ask.amount + ask.total_max
        source = ask.source or await choose_source(session, ask.codec, payer, total)
        if source is None:
            raise Unprocessable("amount_above_balance", "the vault has nothing on this network")
        if ask.request.told is not None:
            ask.codec.check_call(ask.request.told, source.address)
        requested_at = ask.now.replace(microsecond=0)
        lifetime = ask.request.lifetime or self._lifetime
        core = Core(
            transfer=named,
            retry_of=ask.request.retry_of,
            client=payer.client_id,
            vault=payer.vault_id,
            network=network.id,
            action=action_of(ask.effects[0]),
            initiator=ask.caller.initiator,
            source_path=source.path,
            source_address=source.address,
            effects=ask.effects,
            requested_at=requested_at,
        )
        draft = Mandate(
            core=core,
            version=1,
            costs_max=ask.costs_max,
            basis=basis_of(ask.policy, core),
            offered_at=requested_at,
            expires_at=requested_at + timedelta(seconds=int(lifetime.total_seconds())),
        )
        return await Judge(ask.policy, ask.now).best_terms(session, draft, shares_in(draft))

    async def _hold(self, session: WriteSession, ask: Ask, mandate: Mandate) -> None:
        await gas_needs.hold(session, self._ledger, _wanted(ask, mandate), ask.now)
        if ask.request.asset in ask.codec.network.tokens:
            await check_free(session, mandate.core, ask.request.asset, ask.kind)

    async def _store_refusal(
        self, request: TransferRequest, key: Idempotency, answer: Answer
    ) -> Answer:
        """Nothing else of the refused transaction is left, so this one stands alone."""
        try:
            async with self._database.write_short() as session:
                key = await _owned(session, request, key)
                stored = await lock_answer(session, key)
                if stored is None:
                    await store_answer(session, key, answer, self._clock())
                return stored or answer
        except IntegrityError:
            return await self._answer_of_the_other(request, key)

    async def _answer_of_the_other(self, request: TransferRequest, key: Idempotency) -> Answer:
        """Somebody stored an answer under our key while we worked; ours is undone."""
        async with self._database.read() as session:
            key = await _owned(session, request, key)
            stored = await stored_answer(session, key)
            if stored is None and key.client_id is not None:
                await check_external_id(session, request, key.client_id)
        if stored is None:
            raise Conflict("try_again", "the request met another one; send it again")
        return stored


def _parts(ask: Ask) -> tuple[reservations.Part, ...]:
    """What is held for it."""
    most = leaving(ask.effects, ask.codec.network)
    return reservations.parts_of(most, ask.costs_max)


def _wanted(ask: Ask, mandate: Mandate) -> gas_needs.Wanted:
    core, coins = mandate.core, None if ask.whole is None else ask.whole.coins
    return gas_needs.Wanted(
        core.transfer,
        FIRST,
        core.network,
        core.client,
        core.vault,
        ask.request.asset,
        ask.kind,
        core.source_address,
        _parts(ask),
        coins,
        ask.codec.traits.account_least,
        _signs_apart(ask),
    )


def _signs_apart(ask: Ask) -> bool:
    """Whether what it pays can be signed for others to submit."""
    if ask.request.asset not in ask.codec.network.tokens:
        return False
    single = len(ask.payments) == 1 and not ask.request.close_accounts
    return single and isinstance(ask.codec, SignsApart) and ask.codec.signs_apart(ask.request.asset)


async def _owned(session: ReadSession, request: TransferRequest, key: Idempotency) -> Idempotency:
    """The key as its owner's: the client of the vault, which exists."""
    vault = await session.get(VaultRow, request.vault_id)
    assert vault is not None
    return replace(key, client_id=vault.client_id)


async def _answer_of_the_known(
    session: WriteSession, ask: Ask, named: str, key: Idempotency, render: Renderer
) -> Answer:
    """A transfer without the answer that was given for it: rebuilt from the signer's journal, in a
    database that had forgotten both. It is told again, and never made a second time."""
    row = await repository.find_transfer(session, named, None)
    assert row is not None
    (found,) = await shown(session, [row])
    if not ask.is_for(row, found.payments, found.told, await find_message(session, named)):
        raise key_reused()
    answer = render.denied(found) if row.state == State.DENIED else render.created(found)
    await store_answer(session, key, answer, ask.now)
    return replace(answer, replayed=True)
