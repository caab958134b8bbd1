"""Several payments in one request, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from custody.transfers.request import OUTPUTS_MAX
from tests.unit.api.counter import OUTSIDE, Counter
from tests.unit.api.test_bad_input import refused

TO = OUTSIDE["bitcoin-regtest"]
GOOD = {"destination": TO, "amount": "0.01"}


def several(counter: Counter, *outputs: Any, **changes: Any) -> dict[str, Any]:
    nobody = {"destination": None, "amount": None}
    return counter.transfer(**(nobody | {"outputs": list(outputs)} | changes))


async def test_each_output_is_shown_and_the_sum(counter: Counter) -> None:
    """One payee twice, once in base units."""
    body = several(counter, GOOD, {"destination": TO, "amount_base_units": "2000000"})
    answer = await counter.send(body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["destination"], made["memo"]) == (None, None)
    assert (made["amount"], made["amount_base_units"]) == ("0.03", "3000000")
    assert made["outputs"] == [
        {"destination": TO, "memo": None, "amount": "0.01", "amount_base_units": "1000000"},
        {"destination": TO, "memo": None, "amount": "0.02", "amount_base_units": "2000000"},
    ]
    again = await counter.get(f"/v1/transfers/{made['id']}")
    assert again["outputs"] == made["outputs"]
    assert (await counter.send(body)).json() == made
    evidence = await counter.get(f"/v1/audit/transfers/{made['id']}", "audit")
    assert evidence["transfer"]["outputs"] == made["outputs"]


async def test_one_output_is_a_transfer_with_a_destination(counter: Counter) -> None:
    one = (await counter.send(several(counter, GOOD), "one")).json()
    plain = (await counter.send(counter.transfer(amount="0.01"), "plain")).json()
    assert one["destination"] == plain["destination"] == TO
    assert one["outputs"] == plain["outputs"]


async def test_an_estimate_takes_them_too(counter: Counter) -> None:
    body = several(counter, GOOD, GOOD)
    answer = await counter.call("POST", "/v1/transfers:estimate", body, key="transfer")
    assert answer.status_code == 200, answer.text
    (held,) = answer.json()["holds"].values()
    bound = answer.json()["costs_max"]["fee"]["amount_base_units"]
    assert int(held["amount_base_units"]) == 2_000_000 + int(bound)


@pytest.mark.parametrize(
    ("outputs", "changes", "code", "pointer"),
    [
        ([], {}, "field_invalid", "/outputs"),
        ([GOOD], {"destination": TO}, "outputs_ambiguous", ""),
        ([GOOD], {"amount": "1"}, "outputs_ambiguous", ""),
        ([GOOD], {"memo": "7"}, "outputs_ambiguous", ""),
        ([GOOD, {"destination": TO}], {}, "amount_ambiguous", "/outputs/1"),
        ([GOOD, {"amount": "1"}], {}, "field_missing", "/outputs/1/destination"),
        ([GOOD, GOOD | {"to": TO}], {}, "field_unknown", "/outputs/1/to"),
        ([GOOD, GOOD | {"amount": "0"}], {}, "amount_zero", "/outputs/1/amount"),
        ([GOOD, GOOD | {"destination": "x"}], {}, "address_malformed", "/outputs/1/destination"),
        ([GOOD, GOOD | {"memo": "7"}], {}, "memo_unsupported", "/outputs/1/memo"),
    ],
    ids=str,
)
async def test_bad_outputs(
    counter: Counter, outputs: list[Any], changes: dict[str, Any], code: str, pointer: str
) -> None:
    await refused(counter, counter.send(several(counter, *outputs, **changes)), 422, code, pointer)


async def test_there_is_a_most(counter: Counter) -> None:
    body = several(counter, *[GOOD] * (OUTPUTS_MAX + 1))
    await refused(counter, counter.send(body), 422, "field_invalid", "/outputs")
    answer = await counter.send(several(counter, *[GOOD | {"amount": "0.0001"}] * OUTPUTS_MAX))
    assert answer.status_code == 201


@pytest.mark.parametrize("alias", ["ethereum-local", "bsc-local", "tron-local"])
async def test_networks_that_pay_one_at_a_time_refuse(counter: Counter, alias: str) -> None:
    one = {"destination": OUTSIDE[alias], "amount": "0.01"}
    body = several(counter, one, one, network=alias)
    await refused(counter, counter.send(body), 422, "outputs_unsupported", "/outputs")
