"""`custody payouts`: a file of payments from a shell, over the real API."""

from __future__ import annotations

import asyncio
import csv
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from custody.db.session import Database
from tests.support.cli import done, refused
from tests.unit.api.counter import OUTSIDE, opened

pytestmark = pytest.mark.database
TO = OUTSIDE["ethereum-local"]


class Shop:
    """The API on a socket, in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._database_url = url
        self.url = self.key = self.vault = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def open(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)
        assert self.url, "the server did not start"

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(60)

    async def _serve(self) -> None:
        database = Database(self._database_url)
        try:
            async with opened(database) as counter:
                self.vault = counter.vault_id
                self.key = await counter.new_key("transfer", "read")
                config = uvicorn.Config(counter.app, host="127.0.0.1", port=0, log_config=None)
                config.lifespan = "off"
                self._server = uvicorn.Server(config)
                serving = asyncio.create_task(self._server.serve())
                while not self._server.started and not serving.done():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                port = self._server.servers[0].sockets[0].getsockname()[1]
                self.url = f"http://127.0.0.1:{port}"
                self._ready.set()
                await serving
        finally:
            self._ready.set()
            await database.close()


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[Shop]:
    shop = Shop(sqlite_url)
    shop.open()
    yield shop
    shop.close()


def said(*arguments: Any) -> list[str]:
    """Without the server's log, which goes to the same output here."""
    return [line for line in done(*arguments).splitlines() if "request_id=" not in line]


def test_a_file_is_sent_twice_and_is_one_and_its_result_is_written(shop: Shop, tmp_path: Path):
    key = tmp_path / "key"
    key.write_text(shop.key)
    key.chmod(0o600)
    reach = ("--url", shop.url, "--api-key-file", key)
    given = ("--vault", shop.vault, "--network", "ethereum-local", *reach)
    file, out = tmp_path / "pay.csv", tmp_path / "result.csv"
    file.write_text(f"destination,amount\n{TO},0.01\n{TO},0.02\n")
    first = said("payouts", "send", file, "--reference", "march", *given)
    assert first[0].endswith("processing, 2 lines")
    assert any("0.03" in line for line in first)
    assert said("payouts", "send", file, "--reference", "march", *given) == first
    name = first[0].split()[0]
    assert said("payouts", "show", name, *reach) == first
    done("payouts", "result", name, "--out", out, *reach)
    with out.open(newline="") as written:
        rows = list(csv.DictReader(written))
    assert [(row["line"], row["amount"], row["state"]) for row in rows] == [
        ("2", "0.01", "pending"),
        ("3", "0.02", "pending"),
    ]
    refused(1, "payouts", "result", name, "--out", out, *reach)  # it is never overwritten
    file.write_text(f"destination,amount\n{TO},0.01\n{TO},1e3\n{TO},0.01\n")
    words = refused(1, "payouts", "send", file, "--reject-duplicates", *given)
    assert "\nline 3, amount:" in words
    assert "(amount_malformed)" in words
    assert "\nline 4, destination:" in words
    assert "1 lines can't be payments" in said("payouts", "send", file, "--skip-invalid", *given)
    refused(2, "payouts", "send", tmp_path / "pay.xlsx", *given)
    refused(2, "payouts", "show", "tfr_0", *reach)
    refused(1, "payouts", "show", "pof_" + "0" * 26, *reach)
