"""Makes the golden files anew: `make golden`.

For a change of format before anybody holds old files. Afterwards files are never made anew, only
added: what was once written must be read for ever.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from custody.db.migrate import upgrade
from tests.golden import files, filling
from tests.golden.life import live
from tests.support.database import run_postgres


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="golden-") as name:
        folder = Path(name)
        asyncio.run(live(folder))
        database = folder / "custody.db"
        filled = filling.fill(database)
        files.FILES.mkdir(exist_ok=True)
        files.dump_sqlite(database, files.SQLITE)
        with run_postgres() as server:
            server.run("CREATE DATABASE golden")
            asyncio.run(upgrade(server.url("golden")))
            filling.copy(database, server.url("golden"))
            files.dump_postgresql(server, "golden", files.POSTGRESQL)
        files.close_journal(folder / "state")
        files.copy_signer(folder / "state", files.SIGNER)
        _write_documents(database)
    total = sum(path.stat().st_size for path in files.FILES.rglob("*") if path.is_file())
    assert total < files.BYTES_MAX, f"{total} bytes are too many"
    print(f"golden: {total} bytes written; rows by type alone in {', '.join(filled)}")


def _write_documents(database: Path) -> None:
    """What is read without a database as well: policies, mandates, the signer's receipts."""
    with sqlite3.connect(database) as connection:
        _write(
            files.MANDATES,
            [
                {"document": document.hex(), "digest": digest.hex()}
                for document, digest in connection.execute(
                    "SELECT document, digest FROM mandates ORDER BY transfer_id, version"
                )
            ],
        )
        _write(
            files.RECEIPTS,
            [
                json.loads(receipt)
                for (receipt,) in connection.execute(
                    "SELECT receipt FROM transactions WHERE receipt IS NOT NULL ORDER BY id"
                )
            ],
        )
        _write(
            files.POLICIES,
            [
                {"document": document.decode(), "signatures": json.loads(signatures)}
                for document, signatures in connection.execute(
                    "SELECT document, signatures FROM policy_versions ORDER BY version"
                )
            ],
        )
    connection.close()


def _write(path: Path, rows: list[Any]) -> None:
    assert rows, path
    path.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
