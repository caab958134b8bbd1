"""A network's fees, as its node estimates them; and a node that can't say."""

from __future__ import annotations

import pytest

from chains.errors import FeeUnknown, NodeUnavailable
from chains.prices import Prices, ranked, rising
from tests.unit.api.counter import ALIASES, Counter


@pytest.mark.parametrize("alias", ALIASES)
async def test_fees_of_each_network(counter: Counter, alias: str):
    network = (await counter.get(f"/v1/networks/{alias}"))["id"]
    counter.nodes[network].fee = 2_500
    fees = await counter.get(f"/v1/networks/{network}/fees")
    assert (fees["network"], fees["age_seconds"]) == (network, 0)
    assert (fees["slow"], fees["normal"], fees["fast"]) == ("2500", "2500", "5000")
    assert await counter.get(f"/v1/networks/{alias}/fees") == fees


async def test_a_network_that_is_not_served(counter: Counter):
    answer = await counter.call("GET", "/v1/networks/bitcoin/fees")
    assert (answer.status_code, answer.json()["code"]) == (404, "network_not_found")


@pytest.mark.parametrize("error", [FeeUnknown("too new"), NodeUnavailable("away: secret")])
async def test_a_node_that_can_not_say(
    counter: Counter, error: Exception, monkeypatch: pytest.MonkeyPatch
):
    async def prices() -> Prices:
        raise error

    adapter = next(iter(counter.custody.adapters.values()))
    monkeypatch.setattr(adapter, "prices", prices)
    answer = await counter.call("GET", f"/v1/networks/{ALIASES[0]}/fees")
    assert (answer.status_code, answer.json()["code"]) == (503, error.code)  # type: ignore[attr-defined]
    assert "secret" not in answer.text


def test_faster_is_never_cheaper():
    assert rising("u", 5, 3, 4) == Prices("u", 5, 5, 5)
    assert [ranked([40, 10, 30, 20], percent) for percent in (0, 50, 100)] == [10, 20, 40]
