"""Approvals: people's own signatures over the mandate's bytes, and what each of them leads to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.db.listing import Window
from custody.db.session import Database
from custody.db.transfer_tables import TransferRow
from custody.errors import Conflict, CustodyError, Forbidden, NotFound, Unprocessable
from signer.wire import RefusalCode, SignRequest, Verdict, approval_message
from tests.support.fakes import changed_policy
from tests.unit.custody.transfers.desk import ANYONE, Desk, bound_to

PEOPLE = {
    name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
    for name in ("alice", "bob", "carol", "dave")
}


def ask_people(desk: Desk, **more: Any) -> None:
    """Two of alice, bob and carol have to approve; alice operates what asks."""
    persons = [
        {
            "id": name,
            "credentials": [{"kind": "ed25519", "key": key.public_key().public_bytes_raw().hex()}],
        }
        for name, key in PEOPLE.items()
    ]
    grant = {"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 2}]}}
    desk.use_policy(
        persons=persons,
        machines=[{"id": ANYONE.initiator, "operators": ["alice"]}],
        groups=[{"id": "treasury", "members": ["alice", "bob", "carol"]}],
        grant=grant | more.pop("grant", {}),
        **more,
    )


@pytest.fixture
def desk(database: Database) -> Desk:
    desk = Desk(database)
    ask_people(desk)
    return desk


@pytest.fixture
def light(sqlite: Database) -> Desk:
    """Where the kind of database makes no difference."""
    desk = Desk(sqlite)
    ask_people(desk)
    return desk


async def decide(
    desk: Desk, transfer_id: str, who: str, verdict: Verdict = Verdict.APPROVE, **more: Any
) -> TransferRow:
    digest = (await desk.mandates(transfer_id))[-1].digest
    signature = PEOPLE[more.get("signed_by", who)].sign(
        approval_message(more.get("digest", digest), more.get("signed", verdict))
    )
    after = await desk.services.approvals.submit(
        transfer_id, more.get("caller", ANYONE), who, verdict, signature
    )
    return after.row


async def waiting_for(desk: Desk, approver: str | None = None) -> list[str]:
    async with desk.database.read() as session:
        found = await desk.services.approvals.waiting(session, ANYONE, approver, Window(limit=10))
    return [each.transfer.row.id for each in found.items]


async def test_two_people_agree_and_it_is_signed_with_their_signatures(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    transfer_id = await desk.send(vault, 1_000)
    assert await desk.state(transfer_id) == "awaiting_approval"
    assert (await desk.balance(vault)).reserved == 51_000
    await desk.work()
    assert await desk.transactions(transfer_id) == []
    assert (await decide(desk, transfer_id, "bob")).state == "awaiting_approval"
    desk.woken = 0
    assert (await decide(desk, transfer_id, "carol")).state == "approved"
    assert desk.woken == 1
    sent: list[SignRequest] = []
    sign = desk.signer.sign

    async def watch(requests, follows=()):
        sent.extend(requests)
        return await sign(requests, follows)

    desk.signer.sign = watch  # type: ignore[method-assign]
    assert (await desk.settle(transfer_id)).state == "final"
    assert [approval.approver for approval in sent[0].consents[0].approvals] == ["bob", "carol"]
    assert await desk.received(transfer_id) == 1_000


async def test_a_rejection_ends_it_and_gives_everything_back(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    transfer_id = await desk.send(vault, 1_000)
    await decide(desk, transfer_id, "bob")
    row = await decide(desk, transfer_id, "carol", Verdict.REJECT)
    assert (row.state, row.reason) == ("rejected", "by carol")
    assert (await desk.balance(vault)).available == 1_000_000
    await desk.work()
    assert await desk.state(transfer_id) == "rejected"


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.REJECT])
async def test_who_was_asked_because_a_window_was_full_still_decides_when_it_is_not(
    light: Desk, verdict: Verdict
):
    """Found by a game: the rule that decides then asks nobody, so nobody could let it go."""
    desk = light
    asking = json.loads(changed_policy(1).document)["rules"][0] | {"id": "people"}
    needs = {"order": "any", "needs": [{"group": "treasury", "count": 1}]}
    asking["grant"] = asking["grant"] | {"approvals": needs}
    limit = {"asset": desk.native, "seconds": 3600, "amount": "80000", "count": None}
    free = json.loads(
        changed_policy(1, limits={"windows": [limit | {"per_destination": False}]}).document
    )["rules"][0]
    ask_people(desk, rules=[free, asking])
    vault = await desk.open_funded(1_000_000)
    first = await desk.send(vault, 10_000, fee_max=20_000)
    assert await desk.state(first) == "approved"
    second = await desk.send(vault, 10_000, fee_max=60_000)
    assert await desk.state(second) == "awaiting_approval"
    assert await waiting_for(desk, "bob") == [second]
    await desk.services.transfers.cancel(first, ANYONE)
    assert await waiting_for(desk, "bob") == [second]
    assert await waiting_for(desk, "dave") == []
    with pytest.raises(Forbidden, match="does not ask"):
        await decide(desk, second, "dave", verdict)
    after = await decide(desk, second, "bob", verdict)
    assert after.state == ("approved" if verdict is Verdict.APPROVE else "rejected")
    if verdict is Verdict.APPROVE:
        assert (await desk.settle(second)).state == "final"


async def test_both_last_approvals_at_once_queue_it_once(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    transfer_id = await desk.send(vault, 1_000)
    await asyncio.gather(*(decide(desk, transfer_id, who) for who in ("bob", "carol")))
    assert await desk.outbox() == [("sign", transfer_id)]
    assert (await desk.settle(transfer_id)).state == "final"


async def test_the_last_approval_and_a_cancellation_at_once(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    transfer_id = await desk.send(vault, 1_000)
    await decide(desk, transfer_id, "bob")
    await asyncio.gather(
        decide(desk, transfer_id, "carol"),
        desk.services.transfers.cancel(transfer_id, ANYONE),
        return_exceptions=True,
    )
    await desk.work(2)
    state = await desk.state(transfer_id)
    assert state == "cancelled"
    assert (await desk.balance(vault)).reserved == 0


@pytest.mark.parametrize(
    ("who", "more", "kind", "code"),
    [
        ("alice", {}, Forbidden, "approver_is_initiator"),
        ("dave", {}, Forbidden, "approver_not_asked"),
        ("bob", {"signed_by": "carol"}, Forbidden, "approval_signature_invalid"),
        ("bob", {"signed": Verdict.REJECT}, Forbidden, "approval_signature_invalid"),
        ("bob", {"digest": bytes(32)}, Forbidden, "approval_signature_invalid"),
        ("mallory", {"signed_by": "bob"}, NotFound, "approver_not_found"),
        ("bob", {"caller": bound_to("cli_other")}, NotFound, "transfer_not_found"),
    ],
)
async def test_an_approval_that_is_none(
    light: Desk, who: str, more: dict[str, Any], kind: type[CustodyError], code: str
):
    vault = await light.open_funded(1_000_000)
    transfer_id = await light.send(vault, 1_000)
    before = await light.counts()
    with pytest.raises(kind) as refused:
        await decide(light, transfer_id, who, **more)
    assert refused.value.code == code
    assert await light.counts() == before


async def test_a_signature_for_another_transfer_is_none(light: Desk):
    vault = await light.open_funded(1_000_000)
    one, other = [await light.send(vault, 1_000) for _ in range(2)]
    digest = (await light.mandates(one))[-1].digest
    with pytest.raises(Forbidden, match="not this person's signature"):
        await decide(light, other, "bob", digest=digest)


async def test_one_person_counts_once_and_may_not_change_their_mind(light: Desk):
    vault = await light.open_funded(1_000_000)
    transfer_id = await light.send(vault, 1_000)
    for _ in range(2):
        assert (await decide(light, transfer_id, "bob")).state == "awaiting_approval"
    with pytest.raises(Conflict) as refused:
        await decide(light, transfer_id, "bob", Verdict.REJECT)
    assert refused.value.code == "approval_exists"


async def test_too_late(light: Desk):
    vault = await light.open_funded(1_000_000)
    expired, cancelled = [await light.send(vault, 1_000) for _ in range(2)]
    await light.services.transfers.cancel(cancelled, ANYONE)
    with pytest.raises(Conflict, match="the transfer is cancelled"):
        await decide(light, cancelled, "bob")
    light.clock.forward(hours=1)
    with pytest.raises(Conflict) as refused:
        await decide(light, expired, "bob")
    assert refused.value.code == "transfer_expired"
    await light.work()
    assert await light.state(expired) == "expired"
    assert (await light.balance(vault)).available == 1_000_000


async def test_another_policy_voids_what_was_asked_under_the_old_one(light: Desk):
    vault = await light.open_funded(1_000_000)
    transfer_id = await light.send(vault, 1_000)
    ask_people(light, grant={"time_lock_s": 1})
    with pytest.raises(Unprocessable) as refused:
        await decide(light, transfer_id, "bob")
    assert refused.value.code == "policy_changed"


async def test_who_has_to_decide_what(light: Desk):
    vault = await light.open_funded(1_000_000)
    one, other = [await light.send(vault, 1_000) for _ in range(2)]
    assert await waiting_for(light) == [one, other]
    assert await waiting_for(light, "alice") == []
    assert await waiting_for(light, "dave") == []
    assert await waiting_for(light, "bob") == [one, other]
    await decide(light, one, "bob")
    assert await waiting_for(light, "bob") == [other]
    assert await waiting_for(light, "carol") == [one, other]
    await decide(light, one, "carol")
    assert await waiting_for(light) == [other]


async def test_a_time_lock_is_waited_out_without_building_again_and_again(light: Desk):
    ask_people(light, grant={"time_lock_s": 600})
    vault = await light.open_funded(1_000_000)
    transfer_id = await light.send(vault, 1_000)
    for who in ("bob", "carol"):
        await decide(light, transfer_id, who)
    light.signer.refuse = [(RefusalCode.NOT_YET, "time-lock")]
    await light.run_outbox()
    await light.run_outbox()
    row = await light.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "signer_not_yet")
    assert len(await light.transactions(transfer_id)) == 1
    assert await light.claims() == []
    light.clock.forward(minutes=11)
    assert (await light.settle(transfer_id)).state == "final"
    assert len(await light.transactions(transfer_id)) == 2
