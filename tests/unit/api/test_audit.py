"""The auditor's view: a payment with all that proves it, from the golden house, which a real signer
signed for on a real engine; and what keys of clients see of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import event, select

from chains.model import Address, NetworkId, UnsignedTx
from custody.apikeys.model import Scope
from custody.apikeys.service import list_keys, revoke_key
from custody.db.migrate import upgrade
from custody.db.session import Database
from custody.db.tables import PolicyVersionRow
from custody.db.transfer_tables import TransferRow
from signer.wire import Mandate, Receipt, parse_json, tx_digest
from tests.golden import files
from tests.unit.api.counter import Counter

pytestmark = pytest.mark.database


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[Counter]:
    """The golden database behind the API, with an audit key."""
    url = files.load_sqlite(files.SQLITE, tmp_path / "custody.db")
    await upgrade(url)
    database = Database(url)
    counter = Counter(database)
    counter.keys["audit"] = await counter.new_key(Scope.AUDIT)
    yield counter
    await counter.close()
    await database.close()


async def transfer_of(house: Counter, state: str, amount: int | None = None) -> TransferRow:
    """The newest in this state, or of this amount."""
    async with house.database.read() as session:
        rows = await session.all(select(TransferRow).where(TransferRow.state == state))
    return next(row for row in reversed(rows) if amount in (None, row.amount))


async def test_a_transfers_whole_evidence(house: Counter):
    row = await transfer_of(house, "final", 2 * 10**18)
    seen = await house.get(f"/v1/audit/transfers/{row.id}", "audit")
    assert (seen["transfer"]["initiator"], seen["transfer"]["amount"]) == ("robot", "2")
    (terms,) = seen["mandates"]
    mandate = Mandate.parse(parse_json(bytes.fromhex(terms["document"])))
    assert mandate.digest.hex() == terms["digest"]
    assert [each["approver"] for each in terms["approvals"]] == ["ada", "bob"]
    for given in terms["approvals"]:
        assert given["signed"].endswith(terms["digest"])
        assert len(given["signature"]) == 128
    (built,) = seen["transactions"]
    unsigned = UnsignedTx(
        NetworkId(built["network"]), bytes.fromhex(built["unsigned"]), Address(built["sender"])
    )
    assert built["signer_digest"] == tx_digest(unsigned).hex()
    receipt = Receipt.parse(built["receipt"])
    assert receipt.tx_digest.hex() == built["signer_digest"]
    assert receipt.checkpoint
    signed = house.codecs[unsigned.network].attach(unsigned, receipt.signatures)
    assert (signed.raw.hex(), signed.txid) == (built["signed"], built["txid"])
    (key,) = built["conflict_keys"]
    assert key["excludes"] == "inclusion"
    assert key["key"] in {
        each.text for each in house.codecs[unsigned.network].summarize(unsigned).conflict_keys
    }
    entries = {(each["kind"], each["reason"]) for each in seen["entries"]}
    assert {("reserve", "transfer"), ("settle", "transfer"), ("settle", "fee")} <= entries
    assert all(each["sequence"] for each in seen["entries"])
    assert {each["kind"] for each in seen["events"]} == {"transfer", "transaction", "approval"}
    (policy,) = seen["policies"]
    whole = await house.get(f"/v1/audit/policies/{policy['digest']}", "audit")
    assert sha256(whole["document"].encode()).hexdigest() == policy["digest"]
    assert sorted(whole["signatures"]) == policy["signed_by"] == ["admin-1", "admin-2"]
    assert (await house.get("/v1/audit/policies", "audit"))["items"] == [policy]


async def test_a_rejection_and_what_was_never_signed_are_evidence_too(house: Counter):
    row = await transfer_of(house, "rejected")
    seen = await house.get(f"/v1/audit/transfers/{row.id}", "audit")
    assert seen["transactions"] == []
    (given,) = seen["mandates"][0]["approvals"]
    assert (given["approver"], given["verdict"]) == ("ada", "reject")
    assert {each["kind"] for each in seen["entries"]} == {"reserve", "void"}


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    said: list[str] = []
    engine = database._engines.read.sync_engine

    def note(_connection, _cursor, statement, *_rest) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_more_approvals_and_transactions_are_not_more_questions(house: Counter):
    asked = []
    for state in ("final", "rejected", "cancelled", "awaiting_approval"):
        row = await transfer_of(house, state)
        with statements(house.database) as said:
            await house.get(f"/v1/audit/transfers/{row.id}", "audit")
        asked.append(len(said))
    final, *without = asked  # about no transaction nothing is asked
    assert len(set(without)) == 1
    assert without[0] <= final <= 16


async def test_other_scopes_see_no_evidence_and_an_auditor_nothing_else(house: Counter):
    row = await transfer_of(house, "final")
    others = await house.new_key(*(each for each in Scope if each is not Scope.AUDIT))
    for path in (
        f"/v1/audit/transfers/{row.id}", "/v1/audit/policies", "/v1/audit/keys", "/v1/audit/alarms",
        f"/v1/audit/policies/{'0' * 64}",
    ):  # fmt: skip
        assert (await house.call("GET", path, key=others)).status_code == 403
    for path in ("/v1/transfers", "/v1/balances", "/v1/alarms"):
        assert (await house.call("GET", path, key="audit")).status_code == 403


async def test_what_belongs_to_another_client_is_not_found(house: Counter):
    row = await transfer_of(house, "final")
    house.keys["admin"] = await house.new_key(Scope.ADMIN)
    other = (await house.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    mine = await house.new_key(Scope.AUDIT, client_id=row.client_id)
    strangers = await house.new_key(Scope.AUDIT, client_id=other)
    path = f"/v1/audit/transfers/{row.id}"
    seen = await house.get(path, mine)
    assert seen["transfer"]["id"] == row.id
    answer = await house.call("GET", path, key=strangers)
    assert (answer.status_code, answer.json()["code"]) == (404, "transfer_not_found")
    assert [each["client_id"] for each in (await house.get("/v1/audit/keys", mine))["items"]] == [
        row.client_id
    ]
    assert len((await house.get("/v1/audit/keys", strangers))["items"]) == 1
    digest = seen["policies"][0]["digest"]
    for house_only in ("/v1/audit/policies", f"/v1/audit/policies/{digest}"):
        answer = await house.call("GET", house_only, key=mine)
        assert answer.json()["code"] == "key_bound_to_client"


async def test_alarms_and_freezes_of_the_time_are_shown(house: Counter):
    row = await transfer_of(house, "awaiting_approval")
    house.keys["admin"] = await house.new_key(Scope.ADMIN)
    await house.post(f"/v1/vaults/{row.vault_id}/freeze", {"reason": "stolen"}, "admin")
    house.clock.now = row.requested_at.replace(year=row.requested_at.year + 1)
    open_one = await house.get(f"/v1/audit/transfers/{row.id}", "audit")
    assert "stolen" in {each["reason"] for each in open_one["freezes"]}
    house_alarms = {each["id"] for each in open_one["alarms"]}
    every = (await house.get("/v1/audit/alarms?include_cleared=true", "audit"))["items"]
    assert house_alarms <= {each["id"] for each in every}
    mine = await house.new_key(Scope.AUDIT, client_id=row.client_id)
    seen = await house.get(f"/v1/audit/transfers/{row.id}", mine)
    assert all(each["vault_id"] == row.vault_id for each in seen["alarms"])


async def test_keys_are_listed_without_secret_or_digest(house: Counter):
    revoked = await house.new_key(Scope.READ)
    async with house.database.write() as session:
        rows = await list_keys(session)
        await revoke_key(session, rows[-1].id, house.clock())
    text = (await house.call("GET", "/v1/audit/keys", key="audit")).text
    assert revoked not in text
    assert not [row for row in rows if row.digest.hex() in text or str(row.digest) in text]
    items = json.loads(text)["items"]
    assert [each["id"] for each in items] == [row.id for row in rows]
    assert items[-1]["revoked_at"] is not None
    assert set(items[0]) == {
        "id", "name", "initiator", "scopes", "client_id", "created_at", "revoked_at"
    }  # fmt: skip


async def test_policies_are_paged_also_where_versions_repeat(house: Counter):
    made = [(version, bytes([seed]) * 32) for version, seed in ((2, 9), (2, 3), (3, 5), (4, 1))]
    async with house.database.write() as session:
        (first,) = await session.all(select(PolicyVersionRow))
        for version, digest in made:
            session.add(
                PolicyVersionRow(
                    digest=digest,
                    version=version,
                    document=first.document,
                    signatures=first.signatures,
                    in_force_at=house.clock(),
                    first_seen=house.clock(),
                )
            )
    seen, query = [], "limit=2"
    while True:
        page = await house.get(f"/v1/audit/policies?{query}", "audit")
        seen += [(each["version"], each["digest"]) for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
    assert seen == [(1, first.digest.hex()), *sorted((v, d.hex()) for v, d in made)]
    keys = await house.get("/v1/audit/keys?limit=1", "audit")
    foreign = f"/v1/audit/policies?cursor={keys['next_cursor']}"
    answer = await house.call("GET", foreign, key="audit")
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")
