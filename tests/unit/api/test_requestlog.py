"""What the log and the figures say of requests, and what they never say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from tests.unit.api.counter import Counter

Lines = list[dict[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as kept:
        yield kept  # type: ignore[misc]


def requests(lines: Lines) -> Lines:
    return [each for each in lines if each["event"] == "request"]


async def test_one_line_for_each_request(counter: Counter, lines: Lines):
    headers = {"X-Request-Id": "trace-7"}
    path = f"/v1/vaults/{counter.vault_id}/balances?asset=secret-asset"
    for _ in range(2):
        await counter.call("GET", path, headers=headers)
    await counter.call("GET", "/health", key=None)
    await counter.call("GET", "/nowhere/secret-path", key=None)
    await counter.call("POST", "/v1/transfers", content=b"{nope", key="transfer")
    told = requests(lines)
    assert [(each["method"], each["route"], each["status"]) for each in told] == [
        ("GET", "/v1/vaults/{vault_id}/balances", 200),
        ("GET", "/v1/vaults/{vault_id}/balances", 200),
        ("GET", "/health", 200),
        ("GET", "unknown", 404),
        ("POST", "unknown", 400),
    ]
    assert told[0]["request_id"] == "trace-7"
    assert told[0]["api_key"] == f"key_{counter.keys['read'].split('_')[1]}"
    assert told[2]["api_key"] is None
    assert all(each["ms"] >= 0 for each in told)
    assert len({each["request_id"] for each in told[2:]}) == 3
    assert "secret" not in json.dumps(lines, default=str)


async def test_a_500_says_where_and_under_which_id(
    counter: Counter, lines: Lines, monkeypatch: pytest.MonkeyPatch
):
    def broken() -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(counter.app.state.nodes, "views", broken)
    answer = await counter.call("GET", f"/v1/vaults/{counter.vault_id}/balances")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    (failed,) = [each for each in lines if each["event"] == "request_failed"]
    assert failed["request_id"] == answer.json()["request_id"]
    assert "RuntimeError at broken" in failed["error"]
    (told,) = requests(lines)
    assert (told["status"], told["log_level"]) == (500, "error")
    assert told["request_id"] == failed["request_id"]
    assert "hunter2" not in json.dumps(lines, default=str)


async def test_an_alarm_is_a_line(counter: Counter, lines: Lines):
    async with counter.database.write() as session:
        await raise_alarm(session, AlarmCode.SURPLUS, "7 more", counter.clock())
    (line,) = [each for each in lines if each["event"] == "alarm"]
    assert (line["code"], line["message"]) == ("chain_above_ledger", "7 more")


async def test_figures_of_requests_work_and_peers(counter: Counter):
    await counter.call("GET", "/v1/networks")
    await counter.call("BREW", "/v1/networks")
    assert (await counter.send(counter.transfer())).status_code == 201
    counter.signer.away = True
    text = (await counter.call("GET", "/metrics")).text
    for line in (
        'custody_http_requests_total{method="GET",route="/v1/networks",status="200"} ',
        'custody_http_requests_total{method="unknown",route="',
        'custody_http_request_seconds_bucket{le="0.1",method="POST",route="/v1/transfers"} ',
        'custody_outbox_rows{network="bitcoin-regtest"} 1.0\n',
        'custody_outbox_rows{network="tron-local"} 0.0\n',
        'custody_outbox_oldest_seconds{network="bitcoin-regtest"} ',
        "custody_signer_up 0.0\n",
        'custody_node_up{network="bitcoin-regtest"} 1.0\n',
        'custody_node_answer_age_seconds{network="solana-local"} ',
    ):
        assert line in text, line
    assert "BREW" not in text
    counter.signer.away = False
    assert "custody_signer_up 1.0\n" in (await counter.call("GET", "/metrics")).text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/transfers", "GET, POST"),
        ("/v1/vaults/vlt_1/addresses", "GET, POST"),
        ("/v1/transfers/tfr_1/cancel", "POST"),
        ("/v1/assets/eip155:1/slip44:60", "GET"),
    ],
)
async def test_what_is_allowed_instead(counter: Counter, path: str, methods: str):
    answer = await counter.call("DELETE", path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == methods
