"""Priorities over HTTP: asked for, shown, filtered by; and no part of requests that name none."""

from __future__ import annotations

import pytest

from tests.unit.api.counter import Counter


async def test_it_is_shown_and_filtered_by(counter: Counter):
    ids = {}
    for n, priority in enumerate(("high", "normal", "low", None)):
        body = counter.transfer(amount=f"0.0{n + 1}", priority=priority)
        made = (await counter.send(body, f"key {n}".replace(" ", "-"))).json()
        assert made["priority"] == priority or (priority, made["priority"]) == (None, "normal")
        ids[priority] = made["id"]
    for priority, wanted in (
        ("high", [ids["high"]]),
        ("normal", [ids["normal"], ids[None]]),
        ("low", [ids["low"]]),
    ):
        found = await counter.get(f"/v1/transfers?priority={priority}")
        assert [each["id"] for each in found["items"]] == wanted


@pytest.mark.parametrize("wrong", ["HIGH", "urgent", "", 1])
async def test_others_are_refused_and_change_nothing(counter: Counter, wrong: object):
    before = await counter.tables()
    answer = await counter.send(counter.transfer(priority=wrong))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/priority")
    assert await counter.tables() == before


async def test_a_request_without_one_is_what_it_was_before_there_were_any(counter: Counter):
    """Its digest must not change, or a retry after an upgrade would be another request."""
    from api.v1.transfer_bodies import NewTransfer

    body = NewTransfer.model_validate(counter.transfer())
    assert "priority" not in body.model_dump(mode="json")
    assert "priority" in NewTransfer.model_validate(counter.transfer(priority="low")).model_dump(
        mode="json"
    )
