"""An approver's machine against the real API."""

import asyncio
import json
import re
import threading
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import pytest
import rfc8785
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from api.app import create_app
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.cli import keyfile
from custody.db.session import Database
from custody.db.transfer_tables import ApprovalRow, MandateRow, TransferRow
from signer.policy import SignedPolicy
from tests.support.cli import (
    CHEAP,
    allow,
    done,
    make_key,
    passphrase_fd,
    policy,
    refused,
    run,
    secret_file,
    write_json,
)
from tests.support.custody import Clock
from tests.unit.custody.transfers.desk import ANYONE, Desk

T = TypeVar("T")
Keys = dict[str, tuple[Path, dict[str, Any]]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyfile, "USUAL_COST", CHEAP)
        people = [(name, "approver") for name in ("ann", "ben", "cy")]
        return {name: make_key(folder, role, name) for name, role in [*people, ("adm", "policy")]}


class Office:
    """The API on a loopback port, with a desk of fake chain and fake signer behind it, whose
    policy asks for two of three. It runs in a thread of its own; `ask` runs things there."""

    def __init__(self, url: str, keys: Keys, folder: Path) -> None:
        self.folder = folder
        persons = [keys[name][1] for name in ("ann", "ben", "cy")]
        document = policy(
            allow("four eyes", ("treasury", 2)),
            administrators=[keys["adm"][1]],
            persons=persons,
            machines=[{"id": ANYONE.initiator, "operators": ["cy"]}],
            groups={"treasury": ["ann", "ben"], "others": ["cy"]},
        )
        self.policy = SignedPolicy(rfc8785.dumps(document), {})
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.url = ""
        self._database_url = url
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Office":
        self._thread.start()
        assert self.ready.wait(30)
        assert self.url, "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(30)

    def ask(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.ready.set()
            self.loop.close()

    async def _serve(self) -> None:
        database = Database(self._database_url)
        clock = Clock(datetime.now(UTC).replace(microsecond=0))
        self.desk = Desk(database, clock=clock)
        self.desk.signer.signed_policy = self.policy
        self.vault = await self.desk.open_funded(100_000_000)
        app = create_app(self.desk.custody)
        self.server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
        )
        announced = asyncio.create_task(self._announce())
        await self.server.serve()
        await announced
        await database.close()

    async def _announce(self) -> None:
        while not self.server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.ready.set()

    def new_key(self, *scopes: Scope) -> Path:
        async def make() -> str:
            async with self.desk.database.write() as session:
                made = await create_key(
                    session,
                    name="approver",
                    initiator="courier",
                    scopes=scopes,
                    client_id=None,
                    now=self.desk.clock(),
                )
            return made.secret

        return secret_file(self.folder / f"api-{'-'.join(scopes)}.key", self.ask(make()))

    def new_transfer(self, amount: int = 250_000, to: str | None = None) -> str:
        async def make() -> str:
            answer = await self.desk.ask(self.vault, amount, to=to)
            assert answer.status == 201, answer
            return answer.body.decode()

        return self.ask(make())

    def row(self, transfer: str) -> TransferRow:
        async def read() -> TransferRow:
            async with self.desk.database.read() as session:
                return await session.one(select(TransferRow).where(TransferRow.id == transfer))

        return self.ask(read())

    def terms(self, transfer: str) -> MandateRow:
        (row,) = self.ask(self.desk.mandates(transfer))
        return row

    def approvals(self, transfer: str) -> Sequence[ApprovalRow]:
        async def read() -> Sequence[ApprovalRow]:
            async with self.desk.database.read() as session:
                wanted = select(ApprovalRow).where(ApprovalRow.transfer_id == transfer)
                return await session.all(wanted.order_by(ApprovalRow.created_at, ApprovalRow.id))

        return self.ask(read())


@pytest.fixture(scope="module")
def office(
    sqlite_template: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    path = folder / "custody.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with Office(f"sqlite+aiosqlite:///{path}", keys, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def reach(office: Office) -> tuple[str | Path, ...]:
    """Where the API is, and a key for it."""
    key = office.new_key(Scope.READ, Scope.APPROVE)
    return "--url", office.url, "--api-key-file", key


def digest_in(said: str) -> str:
    found = re.search(r"^digest +([0-9a-f]{64})$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def public_key(keys: Keys, name: str) -> bytes:
    (credential,) = keys[name][1]["credentials"]
    return bytes.fromhex(credential["key"])


def test_show_says_all_that_is_signed(office: Office, reach: tuple[str | Path, ...]):
    transfer = office.new_transfer(123_456)
    row, terms = office.row(transfer), office.terms(transfer)
    said = done("approver", "show", transfer, *reach)
    lines = dict(line.strip().split(maxsplit=1) for line in said.splitlines() if "  " in line)
    assert lines["transfer"] == f"{transfer}, version 1"
    assert lines["network"].startswith("Bitcoin regtest (bip122:0f9188f13cb7b2c71f2a335e3a4fc328")
    assert lines["client"] == row.client_id
    assert lines["vault"] == row.vault_id
    assert lines["source"] == "the coins at m/84'/1'/0'"
    paid = f"0.00123456 BTC (123456 base units of {row.asset})"
    assert lines["pays"] == f"{paid} to {row.destination}"
    bound = f"0.{row.costs_max:08}".rstrip("0")
    assert f"{bound} BTC ({row.costs_max} base units of {row.asset}) as fee" in said
    assert lines["asked"].endswith(f"{row.requested_at:%Y-%m-%dT%H:%M:%SZ}")
    expires, left = lines["expires"].split(" ", 1)
    assert expires == f"{terms.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert re.fullmatch(r"\(in (1:00:00|0:5\d:\d\d)\)", left)
    assert lines["rests"] == f"on        {json.loads(terms.document)['basis']}"
    assert row.initiator in said
    # The digest as the documentation defines it, by another implementation of RFC 8785.
    canonical = rfc8785.dumps(json.loads(terms.document))
    assert digest_in(said) == sha256(b"custody-wallet/mandate/v2\n" + canonical).hexdigest()


def test_a_payment_that_looks_like_another_is_shown_with_it(
    office: Office, reach: tuple[str | Path, ...]
):
    first = office.new_transfer(123_457)
    second = office.new_transfer(123_457, office.row(first).destination)
    assert "warns" not in run("approver", "show", first, *reach).stderr
    warned = run("approver", "show", second, *reach).stderr
    at = f"{office.row(first).requested_at:%Y-%m-%dT%H:%M:%SZ}"
    assert f"the server warns: same_payee_and_amount, as {first} of {at}" in warned


def test_ones_own_policy_says_what_an_approval_rests_on(
    office: Office, reach: tuple[str | Path, ...], tmp_path: Path
):
    transfer = office.new_transfer()
    mine = write_json(tmp_path / "mine.json", json.loads(office.policy.document))
    said = done("approver", "show", transfer, *reach, "--policy", mine)
    assert "rule            four eyes: approved by 2 of treasury" in said
    assert "  group         treasury: ann, ben" in said
    assert "WARNING" not in said
    other = json.loads(office.policy.document)
    other["groups"][0]["members"].append("cy")
    mine = write_json(tmp_path / "other.json", other)
    said = done("approver", "show", transfer, *reach, "--policy", mine)
    assert "WARNING         NOT WHAT YOUR POLICY SAYS" in said


def test_two_approvals_send_a_transfer_on_its_way(
    office: Office, reach: tuple[str | Path, ...], keys: Keys
):
    transfer = office.new_transfer()
    waiting = done("approver", "list", "--id", "ann", *reach)
    assert transfer in waiting
    assert "needs 2 of treasury" in waiting
    digest = digest_in(done("approver", "show", transfer, *reach))
    states = []
    for name in ("ann", "ben"):
        approve = ("approver", "approve", transfer, *reach, "--key", keys[name][0])
        said = done(*approve, "--digest", digest, *passphrase_fd())
        states.append(said.rsplit(" ", 1)[1].strip())
        assert transfer not in done("approver", "list", "--id", name, *reach)
    assert states == ["awaiting_approval", "approved"]
    for row, name in zip(office.approvals(transfer), ("ann", "ben"), strict=True):
        key = Ed25519PublicKey.from_public_bytes(public_key(keys, name))
        key.verify(row.signature, b"custody-wallet/approval/v2\n" + bytes.fromhex(digest))


def test_a_rejection_ends_a_transfer(office: Office, reach: tuple[str | Path, ...], keys: Keys):
    transfer = office.new_transfer()
    digest = digest_in(done("approver", "show", transfer, *reach))
    reject = ("approver", "reject", transfer, *reach, "--key", keys["ann"][0], "--digest", digest)
    assert "the transfer is rejected" in done(*reject, *passphrase_fd())
    (row,) = office.approvals(transfer)
    key = Ed25519PublicKey.from_public_bytes(public_key(keys, "ann"))
    key.verify(row.signature, b"custody-wallet/rejection/v2\n" + bytes.fromhex(digest))
    assert "the transfer is rejected" in done(*reject, *passphrase_fd())  # a repetition
    approve = ("approver", "approve", transfer, *reach, "--key", keys["ben"][0])
    told = refused(1, *approve, "--digest", digest, *passphrase_fd())
    assert "transfer_not_awaiting_approval" in told


def test_what_signs_nothing(office: Office, reach: tuple[str | Path, ...], keys: Keys):
    transfer = office.new_transfer()
    other = digest_in(done("approver", "show", office.new_transfer(), *reach))
    digest = digest_in(done("approver", "show", transfer, *reach))
    approve = ("approver", "approve", transfer, *reach, "--key")
    ann, given = keys["ann"][0], ("--digest", digest)
    mine = write_json(office.folder / "mine.json", json.loads(office.policy.document))
    cases: list[tuple[int, str, tuple[str | Path, ...]]] = [
        (1, "not the transfer whose digest", (ann, "--digest", other, *passphrase_fd())),
        (2, "name the digest with --digest", (ann, *passphrase_fd())),
        (1, "wrong passphrase", (ann, *given, *passphrase_fd("some other passphrase"))),
        (2, "key of an administrator", (keys["adm"][0], *given, *passphrase_fd())),
        (2, "no terminal to ask on", (ann, *given)),
        (1, "approver_is_initiator", (keys["cy"][0], *given, *passphrase_fd())),
        (1, "a machine that you operate, asked", (keys["cy"][0], *given, "--policy", mine)),
    ]
    for code, complaint, arguments in cases:
        assert complaint in refused(code, *approve, *arguments)
    assert office.approvals(transfer) == []
    assert office.row(transfer).state == "awaiting_approval"


def test_what_the_server_refuses(
    office: Office, reach: tuple[str | Path, ...], keys: Keys, tmp_path: Path
):
    transfer = office.new_transfer()
    digest = digest_in(done("approver", "show", transfer, *reach))
    ann = ("--key", keys["ann"][0], "--digest", digest)
    nobody = "tfr_" + "0" * 26
    assert "transfer_not_found" in refused(1, "approver", "show", nobody, *reach)
    reader = ("--url", office.url, "--api-key-file", office.new_key(Scope.READ))
    approve = ("approver", "approve", transfer, *ann)
    assert "scope_missing" in refused(1, *approve, *reader, *passphrase_fd())
    stranger = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    told = refused(1, "approver", "list", "--url", office.url, "--api-key-file", stranger)
    assert "unauthenticated" in told
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyfile, "USUAL_COST", CHEAP)
        imposter, _ = make_key(tmp_path, "approver", "ann")
    impose = ("approver", "approve", transfer, *reach, "--key", imposter, "--digest", digest)
    assert "approval_signature_invalid" in refused(1, *impose, *passphrase_fd())
    assert office.approvals(transfer) == []


def test_nothing_waits_for_a_stranger(reach: tuple[str | Path, ...]):
    told = done("approver", "list", "--id", "nobody", *reach)
    assert "nothing waits" in told.splitlines()  # the server logs to the same output
    assert "tfr_" not in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--url", "http://custody.example"), "must be https"),
        (("--url", "https://user:hunter2@custody.example"), "no user or password"),
        (("--url", "ftp://custody.example"), "must be the API's address"),
        (("--url", "custody.example"), "must be the API's address"),
        (("--url", "https://[::1"), "--url is not a URL"),
    ],
)
def test_a_key_is_not_shown_to_strangers(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
):
    key = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    told = refused(2, "approver", "list", *arguments, "--api-key-file", key)
    assert complaint in told
    assert "hunter2" not in told


@pytest.mark.parametrize("secret", ["", "ck_short", "hunter2-hunter2-hunter2", "\xff\xfe"])
def test_what_is_no_api_key_is_not_sent_and_not_repeated(tmp_path: Path, secret: str):
    key = secret_file(tmp_path / "api.key", secret)
    told = refused(2, "approver", "list", "--url", "http://127.0.0.1:9", "--api-key-file", key)
    assert "that is not an API key" in told
    assert not secret or secret not in told


@pytest.mark.parametrize("transfer", ["tfr_x", "../../clients", "tfr_" + "0" * 27, ""])
def test_a_transfer_is_named_by_its_id(tmp_path: Path, transfer: str):
    key = secret_file(tmp_path / "api.key", "ck_" + "0" * 26 + "_" + "A" * 43)
    show = ("approver", "show", transfer, "--url", "http://127.0.0.1:9", "--api-key-file", key)
    assert "not a transfer's id" in refused(2, *show)
