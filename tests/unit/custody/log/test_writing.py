"""The log grows by what exists, in one line, and signs one tree of an origin: through crashes, two
writers, and databases that were put back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from custody.db.feed_tables import LedgerHeadRow
from custody.db.leases import LeaseLost, Leases
from custody.db.log_tables import EvidenceManifestRow, LogCheckpointRow, LogEntryRow
from custody.db.session import Database
from custody.db.tables import PolicyVersionRow, SignerCheckpointRow
from custody.errors import NotFound
from custody.log import repository, writing
from custody.log.key import BadKeyFile, LogKey, Published
from custody.log.leaf import Kind
from custody.log.writing import Stopped
from signer.checkpoint import Checkpoint, open_checkpoint
from signer.proof import Proof
from tests.support.database import OWNER
from tests.support.feeds import end_lease
from tests.support.translog import ORIGIN, Log, root_of
from tests.unit.custody.reconcile.test_verify import damage


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    return Log(database, tmp_path)


async def policy(log: Log, name: str) -> bytes:
    digest = sha256(name.encode()).digest()
    row = {"digest": digest, "version": 1, "document": b"{}", "signatures": b"{}"}
    async with log.database.write() as session:
        times = {"in_force_at": log.now, "first_seen": log.now}
        await session.insert(PolicyVersionRow, [row | times])
    return digest


async def head(log: Log, position: int) -> None:
    async with log.database.write() as session:
        row = {"position": position, "digest": position.to_bytes(32, "big"), "created_at": log.now}
        await session.insert(LedgerHeadRow, [row])


async def checkpoint(log: Log, size: int) -> Checkpoint:
    """Of the signer's log."""
    told = Checkpoint("signer.example/1", size, bytes([size]) * 32)
    note = LogKey(told.origin, log.key.public, log.key._private).sign(told)
    row = {"origin": told.origin, "log_key": log.key.public, "note": note}
    async with log.database.write() as session:
        rest = {"contradiction": None, "updated_at": log.now}
        if not await session.execute(update(SignerCheckpointRow).values(note=note)):
            await session.insert(SignerCheckpointRow, [row | rest])
    return told


async def check_whole(log: Log) -> None:
    """Numbers without gaps, and every checkpoint's root by the definition."""
    rows, leaves = await log.rows(), await log.leaves()
    assert [each.number for each in rows] == list(range(len(rows)))
    assert len({(each.kind, each.name) for each in rows}) == len(rows)
    for each in await log.checkpoints():
        assert each.root == root_of(leaves[: each.size])


async def test_what_exists_is_logged_once_and_what_comes_later_too(log: Log):
    one = await policy(log, "one")
    await head(log, 3)
    told = await checkpoint(log, 5)
    bundle = await log.bundle("a")
    assert await log.step() == 4
    rows = {each.kind: (each.name, each.digest) for each in await log.rows()}
    assert rows == {
        Kind.POLICY: (one.hex(), one),
        Kind.LEDGER_HEAD: ("3", (3).to_bytes(32, "big")),
        Kind.SIGNER_CHECKPOINT: ("signer.example/1 5", sha256(told.text()).digest()),
        Kind.EVIDENCE: (bundle.hex(), bundle),
    }
    assert await log.step() == 4, "nothing twice"
    assert len(await log.checkpoints()) == 1
    await policy(log, "two")
    await head(log, 12)
    await head(log, 100)
    await checkpoint(log, 6)
    await log.bundle("b")
    assert await log.step() == 9
    assert [each.size for each in await log.checkpoints()] == [4, 9]
    await check_whole(log)
    again = Log(log.database, log.folder)  # another process
    assert await again.step() == 9


async def test_more_than_one_transaction_is_as_one(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "TOGETHER", 3)
    for number in range(1, 11):
        await head(log, number)
        await log.bundle(str(number))
    assert await log.step() == 20
    heads = [int(each.name) for each in await log.rows() if each.kind == Kind.LEDGER_HEAD]
    assert heads == list(range(1, 11)), "in their order"
    assert [each.size for each in await log.checkpoints()] == [20]
    await check_whole(log)


async def test_salts_keep_what_was_logged_from_being_guessed(log: Log):
    await log.bundle("a")
    await log.step()
    (row,) = await log.rows()
    assert len(row.salt) == 16
    assert row.salt != bytes(16)
    other = Log(log.database, log.folder, "house.example/log/2")
    await other.step()
    salts = {each.salt for each in (*await log.rows(), *await other.rows())}
    assert len(salts) == 3


async def test_two_who_lead_append_one_line(log: Log):
    """The old leader has not noticed: what it would append is refused."""
    await log.bundle("a")
    async with Leases(log.database).hold("transparency") as old:
        assert old is not None
        await end_lease(log.database)
        async with Leases(log.database).hold("transparency") as new:
            assert new is not None
            with pytest.raises(LeaseLost):
                await log.writer.step(old)
            assert await log.rows() == []
            assert await log.writer.step(new) == 1
            await log.bundle("b")
            with pytest.raises(LeaseLost):
                await log.writer.step(old)
    await check_whole(log)
    assert [each.size for each in await log.checkpoints()] == [1]


CRASHES: tuple[tuple[Any, str], ...] = (
    (repository, "append"),
    (repository, "store_checkpoint"),
    (Published, "write"),
    (repository, "newest_checkpoint"),
    (LogKey, "sign"),
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("place", "name"), CRASHES, ids=[name for _, name in CRASHES])
async def test_a_crash_loses_nothing_and_repeats_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, when: str
):
    await log.bundle("a")
    await log.step()
    await log.bundle("b")
    await head(log, 1)
    real: Callable[..., Any] = getattr(place, name)
    is_async = asyncio.iscoroutinefunction(real)

    async def dies(*args: Any, **named: Any) -> Any:
        if when == "after":
            await real(*args, **named)
        raise KeyboardInterrupt

    def dies_at_once(*args: Any, **named: Any) -> Any:
        if when == "after":
            real(*args, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, name, dies if is_async else dies_at_once)
        with pytest.raises(KeyboardInterrupt):
            await log.step()
    again = Log(log.database, log.folder)
    assert await again.step() == 3
    await check_whole(again)
    assert [each.size for each in await again.checkpoints()] == [1, 3]


async def test_what_is_published_is_on_the_disk_before(log: Log, monkeypatch: pytest.MonkeyPatch):
    """At the moment that the row is stored the file has the same checkpoint."""
    seen = []
    real = repository.store_checkpoint

    async def store(session: Any, origin: str, size: int, note: str, now: Any) -> None:
        seen.append(log.published.read(origin) == note)
        await real(session, origin, size, note, now)

    monkeypatch.setattr(repository, "store_checkpoint", store)
    await log.bundle("a")
    await log.step()
    assert seen == [True]


async def put_back(log: Log, size: int) -> None:
    """As a restored backup, of which triggers know nothing."""
    statements = (
        f"DELETE FROM log_cosignatures WHERE size > {size}",
        f"DELETE FROM log_checkpoints WHERE size > {size}",
        f"DELETE FROM log_entries WHERE number >= {size}",
    )
    if log.database.is_sqlite:
        await damage(log.database, *statements)
        return
    engine = create_async_engine(log.database._engines.write.url.set(username=OWNER))
    async with engine.begin() as connection:
        for statement in ("SET session_replication_role = replica", *statements):
            await connection.execute(text(statement))
    await engine.dispose()


@pytest.mark.parametrize("grow", [False, True], ids=["shorter", "grown again"])
async def test_a_database_that_was_put_back_signs_no_other_tree(log: Log, grow: bool):
    for name in "abcde":
        await log.bundle(name)
        await log.step()
    before = log.published.read(ORIGIN)
    await put_back(log, 2)
    again = Log(log.database, log.folder)
    if grow:  # more leaves than were published, and others: what a fork is made of
        without = log.folder / "elsewhere"
        without.mkdir()
        shutil.copy(log.key_file, without)
        stranger = Log(log.database, without)
        async with log.database.read() as session:
            newest = await repository.newest_checkpoint(session, ORIGIN)
        assert newest is not None
        stranger.published.write(ORIGIN, newest.note)
        await stranger.bundle("x")
        await stranger.step()
    with pytest.raises(Stopped, match="published"):
        await again.step()
    assert again.published.read(ORIGIN) == before
    await check_whole(again)


async def test_a_lost_file_stops_it_until_a_person_adopts_what_is_there(log: Log):
    await log.bundle("a")
    await log.step()
    next(log.folder.glob("*.checkpoint")).unlink()
    again = Log(log.database, log.folder)
    with pytest.raises(Stopped, match="not kept beside the key"):
        await again.step()
    (told,) = await log.checkpoints()
    log.published.write(ORIGIN, log.key.sign(told))
    assert await again.step() == 1


async def test_another_key_of_the_same_origin_is_not_taken(log: Log, tmp_path: Path):
    await log.bundle("a")
    await log.step()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(Stopped, match="not signed by the log key"):
        await Log(log.database, other).step()


async def test_a_new_origin_begins_with_the_last_checkpoint_of_the_old_one(log: Log):
    for name in "abc":
        await log.bundle(name)
        await log.step()
    last = open_checkpoint(log.published.read(ORIGIN) or "", log.key.public)
    await put_back(log, 1)
    new = Log(log.database, log.folder, "house.example/log/2")
    await new.step()
    first = (await new.rows())[0]
    assert (first.kind, first.name) == (Kind.CONTINUES, f"{ORIGIN} 3"), "what the file says"
    assert first.digest == sha256(last.text()).digest()
    names = {each.name for each in (await new.rows())[1:]}
    assert names == {sha256(each.encode()).hexdigest() for each in "abc"}, "and all again"
    await check_whole(new)


@pytest.mark.parametrize("row", [LogEntryRow, LogCheckpointRow, EvidenceManifestRow])
async def test_the_past_of_the_log_does_not_change(log: Log, row: Any):
    await log.bundle("a")
    await log.step()
    column = "made_at" if row is EvidenceManifestRow else "created_at"
    for statement in (delete(row), update(row).values({column: log.now})):
        with pytest.raises(DBAPIError):
            async with log.database.write() as session:
                await session.execute(statement)
    assert await Log(log.database, log.folder).step() == 1


async def test_proofs_of_every_leaf_under_every_checkpoint(log: Log):
    for number in range(12):
        await log.bundle(str(number))
        await log.step()
    leaves = await log.leaves()
    for number in range(12):
        name = sha256(str(number).encode()).hexdigest()
        found = Proof.parse(await log.reader.proof(Kind.EVIDENCE, name))
        told = found.check_record(log.key.public)
        assert (found.index, told.size) == (number, 12)
        assert told.root == root_of(leaves)
    with pytest.raises(NotFound, match="not in the log"):
        await log.reader.proof(Kind.EVIDENCE, "00" * 32)


async def test_tiles_are_the_tree_and_files_are_what_is_served(log: Log, tmp_path: Path):
    with pytest.raises(NotFound, match="keeps no"):
        await log.reader.checkpoint()
    for number in range(1, 260):
        await head(log, number)
    await log.step()
    await log.step()
    leaves = await log.leaves()
    assert await log.reader.tile("0/000") == b"".join(leaves[:256])
    assert await log.reader.tile("0/000.p/5") == b"".join(leaves[:5])
    assert await log.reader.tile("0/001.p/3") == b"".join(leaves[256:])
    assert await log.reader.tile("1/000.p/1") == root_of(leaves[:256])
    for path in ("0/001", "0/001.p/4", "2/000.p/1", "entries/000", "0/x001/000"):
        with pytest.raises(NotFound):
            await log.reader.tile(path)
    out = tmp_path / "files"
    assert await log.reader.export(out) == 259
    files = {str(each.relative_to(out)): each for each in out.rglob("*") if each.is_file()}
    assert set(files) == {"checkpoint", "tile/0/000", "tile/0/001.p/3", "tile/1/000.p/1"}
    for name, file in files.items():
        if name != "checkpoint":
            assert file.read_bytes() == await log.reader.tile(name.removeprefix("tile/"))
    assert files["checkpoint"].read_text() == await log.reader.checkpoint()
    before = files["tile/0/000"].stat().st_mtime_ns
    await head(log, 1000)
    await log.step()
    assert await log.reader.export(out) == 260
    assert files["tile/0/000"].stat().st_mtime_ns == before, "a full tile is written once"


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path):
    path = tmp_path / "log.key"
    path.touch(mode=0o600)
    path.write_bytes(b"no key")
    with pytest.raises(BadKeyFile, match="no private key"):
        LogKey.load(path, ORIGIN)
    path.chmod(0o640)
    with pytest.raises(BadKeyFile, match="read by others"):
        LogKey.load(path, ORIGIN)
    with pytest.raises(BadKeyFile, match="can't be read"):
        LogKey.load(tmp_path / "none", ORIGIN)


async def test_the_private_half_is_in_no_repr_and_no_row(log: Log):
    await log.bundle("a")
    await log.step()
    secret = log.key._private.private_bytes_raw()
    assert secret.hex() not in repr(log.key)
    assert secret not in repr(log.key).encode()
    async with log.database.read() as session:
        for note in await session.all(select(LogCheckpointRow.note)):
            assert secret.hex() not in note
    with pytest.raises(ValueError, match="another origin"):
        log.key.sign(Checkpoint("other", 1, bytes(32)))


async def test_an_entry_of_a_number_that_is_taken_is_refused(log: Log):
    await log.bundle("a")
    await log.step()
    (row,) = await log.rows()
    values = {each.name: getattr(row, each.name) for each in LogEntryRow.__table__.columns}
    for changed in ({"name": "other"}, {"number": 1}):
        with pytest.raises(DBAPIError):
            async with log.database.write() as session:
                await session.insert(LogEntryRow, [values | changed])
