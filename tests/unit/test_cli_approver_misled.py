"""An approver's machine against a server that lies, and at a real terminal."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chains.effects import Pay
from chains.model import Address, AssetId, NetworkId
from custody.cli import keyfile
from signer.wire import Action
from tests.support.cli import (
    CHEAP,
    PASSPHRASE,
    at_terminal,
    done,
    make_key,
    passphrase_fd,
    refused,
    run,
    secret_file,
)
from tests.support.signer import offer

pytestmark = pytest.mark.slow
Keys = dict[str, tuple[Path, dict[str, Any]]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyfile, "USUAL_COST", CHEAP)
        return {"ann": make_key(folder, "approver", "ann")}


# A server that lies

TRANSFER = "tfr_" + "1" * 26
NOW = datetime.now(UTC).replace(microsecond=0)
GOOD = offer(
    transfer=TRANSFER,
    client="cli_1",
    vault="vlt_1",
    network=NetworkId("eip155:1"),
    action=Action.TRANSFER,
    initiator="key_1",
    source_path="m/44'/60'/0'/0/0",
    source_address=Address("0x52908400098527886E0F7030069857D2E4169EE7"),
    effects=(
        Pay(
            Address("0x8617E340B3D01FA5F11F306F4090FD50E238070D"),
            AssetId("eip155:1/slip44:60"),
            15 * 10**17,
        ),
    ),
    fee_max=10**15,
    requested_at=NOW,
    expires_at=NOW + timedelta(hours=2),
)


@dataclass
class Liar:
    """Answers the mandate's route with `answer` and remembers what it was sent."""

    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: None
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""

    def tells(self, row: object, status: int = 200, **headers: str) -> None:
        body = row if isinstance(row, bytes) else json.dumps(row).encode()

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.answer = answer

    def shows(self, mandate: str, digest: str | None = None) -> None:
        computed = sha256(b"custody-wallet/mandate/v2\n" + mandate.encode()).hexdigest()
        self.tells({"transfer_id": TRANSFER, "mandate": mandate, "digest": digest or computed})


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.posted.append((self.headers["Authorization"], body))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b'{"state": "queued\\u001b[2J"}')

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def approve_at(liar: Liar, keys: Keys, tmp_path: Path, *more: str) -> tuple[str | Path, ...]:
    key = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    digest = more or ("--digest", GOOD.digest.hex())
    return (
        "approver", "approve", TRANSFER, "--url", liar.url, "--api-key-file", key,
        "--key", keys["ann"][0], *digest, *passphrase_fd(),
    )  # fmt: skip


def spelled(**changes: Any) -> str:
    row = GOOD.to_json()
    core = {name: changes.pop(name) for name in row["core"].keys() & changes.keys()}
    row = row | {"core": row["core"] | core} | changes
    return json.dumps(row, sort_keys=True, separators=(",", ":"))


def costs(amount: str) -> list[dict[str, str]]:
    return [GOOD.to_json()["costs_max"][0] | {"amount": amount}]


def test_an_honest_mandate_is_signed_as_shown(liar: Liar, keys: Keys, tmp_path: Path):
    liar.shows(spelled())
    said = done(*approve_at(liar, keys, tmp_path))
    assert "1.5 ETH" in said
    assert "Ethereum (eip155:1)" in said
    assert "0x52908400098527886E0F7030069857D2E4169EE7 at m/44'/60'/0'/0/0" in said
    ((authorization, body),) = liar.posted
    assert authorization.startswith("Bearer ck_")
    row = json.loads(body)
    assert (row["approver"], row["verdict"]) == ("ann", "approve")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys["ann"][1]["credentials"][0]["key"]))
    message = b"custody-wallet/approval/v2\n" + GOOD.digest
    key.verify(bytes.fromhex(row["signature"]), message)
    assert "\x1b" not in said
    assert "queued\\x1b[2J" in said


LIES: list[tuple[str, Callable[[Liar], None], str]] = [
    ("another transfer", lambda s: s.shows(spelled(transfer="tfr_2")), "mandate of another trans"),
    ("another digest", lambda s: s.shows(spelled(), "00" * 32), "names another digest"),
    ("spaces", lambda s: s.shows(json.dumps(GOOD.to_json(), sort_keys=True)), "not canonical"),
    ("unknown network", lambda s: s.shows(spelled(network="eip155:999")), "is not known here"),
    ("unknown field", lambda s: s.shows(spelled(memo="x")), "fields must be exactly"),
    ("older", lambda s: s.shows(spelled(format=1)), "not of format 2"),
    ("missing field", lambda s: s.shows(spelled(version=None)), "not a mandate"),
    ("escape", lambda s: s.shows(spelled(vault="v\x1b[1A")), "not a mandate: core: vault: text"),
    ("turned text", lambda s: s.shows(spelled(vault="v\u202ev")), "not a mandate"),
    ("no effects", lambda s: s.shows(spelled(effects=[])), "not a mandate: core: effects"),
    (
        "amount",
        lambda s: s.shows(spelled(costs_max=costs("1e3"))),
        "not a mandate: costs_max: amount",
    ),
    ("expired", lambda s: s.shows(spelled(expires_at="2020-01-01T00:00:00Z")), "has expired"),
    ("own", lambda s: s.shows(spelled(initiator="ann")), "asked for this transfer yourself"),
    (
        "changed",
        lambda s: s.shows(spelled(costs_max=costs("5"))),
        "not the transfer whose digest you gave",
    ),
    ("no mandate", lambda s: s.tells({"digest": "x"}), "has no mandate in it"),
    ("not JSON", lambda s: s.tells(b"<html>"), "not a JSON object"),
    ("a list", lambda s: s.tells([1]), "not a JSON object"),
    ("nested", lambda s: s.tells(b"[" * 100_000), "not a JSON object"),
    ("nested mandate", lambda s: s.shows("[" * 100_000), "not a mandate"),
    ("too long", lambda s: s.tells(b'"' + b"x" * 2_000_000 + b'"'), "far too long"),
    ("nothing said", lambda s: s.tells(b"", 502), "HTTP status 502"),
    ("elsewhere", lambda s: s.tells(b"", 307, Location="http://127.0.0.1:9/"), "status 307"),
    (
        "problem",
        lambda s: s.tells({"detail": "no\x1b[2J" + "!" * 9000, "code": "x"}, 404),
        "the server refused: no\\x1b[2J!",
    ),
]


@pytest.mark.parametrize(
    ("lie", "complaint"), [row[1:] for row in LIES], ids=[row[0] for row in LIES]
)
def test_a_lie_is_named_and_nothing_is_signed(
    liar: Liar, keys: Keys, tmp_path: Path, lie: Callable[[Liar], None], complaint: str
):
    lie(liar)
    told = refused(1, *approve_at(liar, keys, tmp_path))
    assert complaint in told
    assert "\x1b" not in told
    assert len(told) < 1000
    assert liar.posted == []


@pytest.mark.parametrize(
    ("typed", "code"), [(["yes", PASSPHRASE], 0), (["y"], 1), (["no"], 1), ([""], 1)], ids=str
)
def test_at_a_terminal_only_yes_goes_on(
    liar: Liar, keys: Keys, tmp_path: Path, typed: list[str], code: int
):
    liar.shows(spelled())
    arguments = [str(part) for part in approve_at(liar, keys, tmp_path)[:9]]
    ended, seen = at_terminal(arguments, typed)
    assert ended == code, seen
    assert "Approve this transfer as ann?" in seen
    assert ("nothing was signed" in seen) == (len(liar.posted) == 0) == (code != 0)
    assert PASSPHRASE not in seen


def test_a_token_that_nobody_listed_is_shown_in_base_units(liar: Liar, keys: Keys, tmp_path: Path):
    asset = "eip155:1/erc20:0x3535353535353535353535353535353535353535"
    liar.shows(spelled(effects=[GOOD.core.to_json()["effects"][0] | {"asset": asset}]))
    key = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    said = done("approver", "show", TRANSFER, "--url", liar.url, "--api-key-file", key)
    assert f"pays            1500000000000000000 base units of {asset}" in said


def test_a_repetition_is_shouted(liar: Liar, tmp_path: Path):
    earlier = "tfr_" + "0" * 26
    liar.shows(spelled(retry_of=earlier))
    key = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    said = done("approver", "show", TRANSFER, "--url", liar.url, "--api-key-file", key)
    assert f"REPEATS         {earlier}: make sure that it paid nobody" in said


@pytest.mark.parametrize(
    "row", [{}, {"items": 1, "next_cursor": None}, {"items": [{}], "next_cursor": None}], ids=str
)
def test_a_list_that_is_none(liar: Liar, tmp_path: Path, row: dict[str, Any]):
    liar.tells(row)
    key = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    listing = ("approver", "list", "--url", liar.url, "--api-key-file", key)
    assert "not a list of what waits" in refused(1, *listing)


def test_secrets_are_in_no_output(liar: Liar, keys: Keys, tmp_path: Path):
    liar.shows(spelled())
    result = run(*approve_at(liar, keys, tmp_path))
    opened = keyfile.KeyFile.read(keys["ann"][0], keyfile.Role.APPROVER).open(PASSPHRASE.encode())
    for secret in (PASSPHRASE, "A" * 43, opened._private.private_bytes_raw().hex()):
        assert secret not in result.output
