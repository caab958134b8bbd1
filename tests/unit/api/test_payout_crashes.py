"""Payout files that die half way, at any line, in storing or in paying: gone on with by a worker or
by sending the file again, nothing is lost and nobody is paid twice. On both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.app import attach
from custody.apikeys.service import revoke_key
from custody.db.payout_tables import PayoutFileRow
from custody.db.session import WriteSession
from custody.payouts import repository, service
from custody.payouts.paying import PayingFiles
from custody.payouts.service import PayoutFiles
from custody.services import make_services
from custody.transfers.request import transfer_id_of
from custody.transfers.service import Transfers
from tests.unit.api.counter import OUTSIDE, Counter
from tests.unit.api.test_payout_files import as_csv, send, sent

LINES = [
    {"destination": OUTSIDE["ethereum-local"], "amount": f"0.0{n}", "external_id": f"inv-{n}"}
    for n in range(1, 8)
]
BOB = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32)).public_key().public_bytes_raw().hex()


class Crash(Exception):
    """We die here."""


def payer(counter: Counter) -> PayingFiles:
    """Of another process: it remembers nothing."""
    return PayingFiles(counter.database, counter.app.state.services.transfers, counter.clock)


async def paid(counter: Counter, file: str) -> list[dict[str, Any]]:
    lines = (await counter.get(f"/v1/payout-files/{file}/lines"))["items"]
    ids = [each["transfer_id"] for each in lines]
    assert len(set(ids)) == len(LINES)
    everything = (await counter.get("/v1/transfers?limit=200"))["items"]
    assert sorted(each["id"] for each in everything) == sorted(ids)
    assert {each["payout_file"] for each in everything} == {file}
    amounts = {each["id"]: each["amount"] for each in everything}
    assert [amounts[each] for each in ids] == [line["amount"] for line in LINES]
    assert (await counter.get(f"/v1/payout-files/{file}"))["state"] == "done"
    return everything


async def test_storing_that_dies_after_any_part_is_gone_on_with(
    either: Counter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_PART", 2)
    part, left = PayoutFiles._part, [0]

    async def dying(self: PayoutFiles, *args: Any) -> bool:
        if not left[0]:
            raise Crash
        left[0] -= 1
        return await part(self, *args)

    monkeypatch.setattr(PayoutFiles, "_part", dying)
    stored, listed = [], list[Any]()
    for _ in range(4):
        left[0] = 1
        answer = await send(either, as_csv(LINES))
        listed = (await either.get("/v1/payout-files"))["items"]
        stored.append((answer.status_code, listed[0]["lines_by_state"]["pending"]))
        if answer.status_code != 201:
            assert listed[0]["state"] == "receiving"
            assert await payer(either).step() == 0, "none of it is paid before all of it is here"
    assert stored == [(500, 2), (500, 4), (500, 6), (201, 7)]
    while await payer(either).step():
        pass
    await paid(either, listed[0]["id"])


@pytest.mark.parametrize("before", [0, 1, 4, 6])
async def test_paying_that_dies_at_any_line_is_gone_on_with(
    either: Counter, monkeypatch: pytest.MonkeyPatch, before: int
):
    """After so many transfers, none of which their lines know of yet."""
    made = await sent(either, as_csv(LINES))
    create, left = Transfers.create, [before]

    async def dying(self: Transfers, *args: Any) -> Any:
        if left[0] <= 0:
            raise asyncio.CancelledError
        left[0] -= 1
        return await create(self, *args)

    monkeypatch.setattr(Transfers, "create", dying)
    with pytest.raises(asyncio.CancelledError):
        await payer(either).step()
    alone = [each["id"] for each in (await either.get("/v1/transfers"))["items"]]
    lines = (await either.get(f"/v1/payout-files/{made['id']}/lines"))["items"]
    assert {each["state"] for each in lines} == {"pending"}
    monkeypatch.setattr(Transfers, "create", create)
    again = await send(either, as_csv(LINES))
    assert again.headers["idempotency-replayed"] == "true"
    while await payer(either).step():
        pass
    assert set(alone) <= {each["id"] for each in await paid(either, made["id"])}


async def test_a_line_that_dies_after_its_transfer_is_the_same_transfer(
    either: Counter, monkeypatch: pytest.MonkeyPatch
):
    made = await sent(either, as_csv(LINES))

    async def dying(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(PayingFiles, "_note", dying)
        with pytest.raises(Crash):
            await payer(either).step()
    before = {each["id"] for each in (await either.get("/v1/transfers"))["items"]}
    assert len(before) == len(LINES)
    while await payer(either).step():
        pass
    assert {each["id"] for each in await paid(either, made["id"])} == before
    keys = [f"{made['id']}:{n + 1}" for n in range(len(LINES))]
    assert before == {transfer_id_of(either.client_id, key) for key in keys}


async def test_two_processes_at_once_pay_each_line_once(either: Counter):
    made = await sent(either, as_csv(LINES))
    await asyncio.gather(*(payer(either).step() for _ in range(3)))
    while await payer(either).step():
        pass
    await paid(either, made["id"])


async def test_the_same_file_twice_at_the_same_moment_is_one(
    either: Counter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_PART", 2)
    answers = await asyncio.gather(
        *(send(either, as_csv(LINES), reference="march") for _ in range(4))
    )
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["id"] for each in answers}) == 1
    assert sum("idempotency-replayed" not in each.headers for each in answers) == 1
    while await payer(either).step():
        pass
    await paid(either, answers[0].json()["id"])


async def test_who_was_overtaken_by_the_same_file_is_told_that_it_is_there(
    either: Counter, monkeypatch: pytest.MonkeyPatch
):
    """Between the look for the file and the look for its reference another one stored it."""
    made = await sent(either, as_csv(LINES), reference="march")
    look, looks = repository.lock_file, 0

    async def too_early(session: WriteSession, file_id: str) -> PayoutFileRow | None:
        nonlocal looks
        looks += 1
        return None if looks == 1 else await look(session, file_id)

    monkeypatch.setattr(repository, "lock_file", too_early)
    answer = await send(either, as_csv(LINES), reference="march")
    assert (answer.status_code, answer.json()["id"]) == (201, made["id"])
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert looks == 2


async def test_while_the_signer_is_away_lines_wait_and_none_is_refused(either: Counter):
    made = await sent(either, as_csv(LINES))
    attach(either.app, make_services(either.custody))  # a process that has not heard of the policy
    either.signer.away = True
    assert await payer(either).step() == 0
    either.signer.away = False
    lines = (await either.get(f"/v1/payout-files/{made['id']}/lines"))["items"]
    assert {each["state"] for each in lines} == {"pending"}
    while await payer(either).step():
        pass
    await paid(either, made["id"])


async def test_a_key_that_was_revoked_pays_no_further_line(either: Counter):
    key = await either.new_key("transfer")
    made = await sent(either, as_csv(LINES), key=key)
    async with either.database.write() as session:
        await revoke_key(session, "key_" + key.split("_")[1], either.clock())
    while await payer(either).step():
        pass
    lines = (await either.get(f"/v1/payout-files/{made['id']}/lines"))["items"]
    assert {(each["state"], each["code"]) for each in lines} == {("refused", "api_key_revoked")}
    assert (await either.get("/v1/transfers"))["items"] == []


async def test_the_policy_judges_each_line_as_if_it_came_alone(either: Counter):
    """Those who sent the file ask, and people approve each; or a rule says no, on record."""
    either.use_policy(
        persons=[{"id": "bob", "credentials": [{"kind": "ed25519", "key": BOB}]}],
        groups=[{"id": "treasury", "members": ["bob"]}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}},
    )
    made = await sent(either, as_csv(LINES))
    while await payer(either).step():
        pass
    everything = await paid(either, made["id"])
    assert {each["initiator"] for each in everything} == {"robot"}
    assert {each["state"] for each in everything} == {"awaiting_approval"}
    either.use_policy(version=2, rules=[])
    denied = await sent(either, as_csv([{**line, "external_id": ""} for line in LINES]))
    while await payer(either).step():
        pass
    lines = (await either.get(f"/v1/payout-files/{denied['id']}/lines"))["items"]
    assert {(each["state"], each["code"]) for each in lines} == {("denied", "policy_denied")}
    assert {each["transfer_state"] for each in lines} == {"denied"}
