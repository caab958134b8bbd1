"""A payment that looks like another, over HTTP: accepted with `warnings`, or refused by a header
that is no part of what the retry key names."""

from __future__ import annotations

from datetime import timedelta

from custody.db.look import Quick
from custody.transfers.duplicates import Duplicates
from tests.unit.api.counter import Counter

REJECT = {"Reject-Duplicates": "true"}


async def test_it_is_accepted_with_a_warning_or_refused_where_that_is_wanted(counter: Counter):
    async def now(_: Quick) -> object:
        return counter.clock()

    window = Duplicates(timedelta(hours=24), now)  # type: ignore[arg-type]
    counter.app.state.services.transfers._duplicates = window
    body = counter.transfer()
    first = (await counter.send(body, "a", headers=REJECT)).json()
    assert first["warnings"] == []
    before = await counter.tables()
    refused = await counter.send(body, "b", headers=REJECT)
    assert (refused.status_code, refused.json()["code"]) == (409, "duplicate_payment")
    assert refused.json()["transfer_id"] == first["id"]
    assert await counter.tables() == before
    second = (await counter.send(body, "b")).json()
    at = first["requested_at"]
    warning = {"code": "same_payee_and_amount", "transfer": first["id"], "at": at}
    assert second["warnings"] == [warning]
    assert (await counter.get(f"/v1/transfers/{second['id']}"))["warnings"] == [warning]
    again = await counter.send(body, "a", headers=REJECT)
    assert (again.status_code, again.json()) == (201, first), "a retry is no duplicate"
    assert again.headers["idempotency-replayed"] == "true"
    wrong = await counter.send(body, "c", headers={"Reject-Duplicates": "perhaps"})
    assert wrong.status_code == 422
