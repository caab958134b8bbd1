"""`custody audit`: an auditor's own machine, a copy of the signer's log, and nobody's word.

What is trusted stands on the command line: the log's public key and the administrators that were
pinned in the signer. Everything else is computed here.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from custody.cli.output import FAILED, Misuse, say, told
from custody.cli.prompts import ApiKeyFile, read_api_key

if TYPE_CHECKING:
    from signer.policy import Administrators

app = typer.Typer(no_args_is_help=True, help="Audit: check a payment against the signer's log.")

_TRANSFER_ID: Final = re.compile(r"tfr_[0-9a-z]{26}", re.ASCII)
_EVIDENCE_BYTES_MAX: Final = 64 * 1024 * 1024


@app.callback()
def _group() -> None:
    """Makes `transfer` a command of its own name, also while it is the only one."""


@app.command()
@told
def transfer(
    transfer: Annotated[str, typer.Argument(help="The transfer's id: tfr_…")],
    log: Annotated[Path, typer.Option(help="A copy of the signer's audit.jsonl.")],
    log_key: Annotated[str, typer.Option(help="The log's public key, in hex: you trust it.")],
    administrators: Annotated[
        Path, typer.Option(help="JSON of those pinned in the signer: you trust them.")
    ],
    evidence: Annotated[
        Path | None, typer.Option(help="What GET /v1/audit/transfers/ID answered.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The API's address, to ask for the evidence instead.")
    ] = None,
    api_key_file: ApiKeyFile = None,
) -> None:
    """Check that one payment is what people agreed to, line by line; exit 1 if anything differs.

    Asks nobody, except for the evidence where --url is given."""
    from custody.audit.checks import UNPROVEN, findings, wanted
    from custody.audit.logcopy import read_log
    from custody.audit.paper import NotEvidence, Paper
    from signer.errors import JournalDamaged
    from signer.wire import MalformedMessage, octets

    if _TRANSFER_ID.fullmatch(transfer) is None:
        raise Misuse("that is not a transfer's id (tfr_…)")
    try:
        key = octets(log_key, 32)
    except MalformedMessage:
        raise Misuse("--log-key is 64 hex digits, as custody-signer status shows it") from None
    pinned, fingerprint = _administrators(administrators)
    try:
        paper = Paper.parse(_evidence(transfer, evidence, url, api_key_file))
    except NotEvidence as error:
        raise Misuse(str(error)) from None
    if paper.id != transfer:
        raise Misuse(f"the evidence is of another transfer: {paper.id}")
    numbers, trees = wanted(paper)
    try:
        found = read_log(log, key, pinned, transfer=transfer, numbers=numbers, trees=trees)
    except JournalDamaged as error:
        _line(False, "log", str(error))
        raise typer.Exit(FAILED) from None
    end = found.end
    sealed = f"{found.records} records in a chain and a tree, {found.checkpoints} checkpoints"
    _line(True, "log", f"{sealed} by the log key, up to leaf {end.tree.size} of {end.origin}")
    good = True
    for each in findings(paper, found, key):
        _line(each.passed, each.name, each.words)
        good = good and each.passed
    say(
        f"trusted    the log key {log_key}",
        f"trusted    {pinned.threshold} of {', '.join(pinned.members)}: {fingerprint}",
        *(f"unproven   {each}" for each in UNPROVEN),
        f"{transfer} {'is what was agreed to' if good else 'DIFFERS from what was agreed to'}",
    )
    if not good:
        raise typer.Exit(FAILED)


def _line(passed: bool, name: str, words: str) -> None:
    say(f"{'ok' if passed else 'FAILED':<10} {name}: {words}")


def _administrators(path: Path) -> tuple[Administrators, str]:
    """With the SHA-256 of their canonical JSON, to compare with what was written down. Raises
    Misuse."""
    from signer.policy import Administrators, InvalidPolicy
    from signer.wire import MalformedMessage, canonical_json

    row = _json(path)
    try:
        found = Administrators.parse(row)
    except (InvalidPolicy, MalformedMessage) as error:
        raise Misuse(f"{path}: {error}") from None
    return found, sha256(canonical_json(found.to_json())).hexdigest()


def _evidence(
    transfer: str, path: Path | None, url: str | None, api_key_file: Path | None
) -> dict[str, Any]:
    """Raises Misuse, Failure."""
    from custody.cli.remote import Server

    if (path is None) == (url is None):
        raise Misuse("give the evidence as a file with --evidence, or the API's --url")
    if path is not None:
        row = _json(path)
        if not isinstance(row, dict):
            raise Misuse(f"{path} is not a transfer's evidence")
        return row
    assert url is not None
    with Server(url, read_api_key(api_key_file), answer_bytes_max=_EVIDENCE_BYTES_MAX) as server:
        return server.get_object(f"/v1/audit/transfers/{transfer}")


def _json(path: Path) -> Any:
    from signer.wire import read_json

    try:
        return read_json(path.read_bytes())
    except (json.JSONDecodeError, ValueError):
        raise Misuse(f"{path} is not JSON") from None
