"""`custody payouts`: send a payout file to the API, and see what became of its lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from custody.cli.output import Failure, Misuse, say, show_table, told
from custody.cli.prompts import ApiKeyFile, read_api_key

if TYPE_CHECKING:
    from custody.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="Payout files: send one, see what became of it.")

_KINDS: Final = {".csv": "text/csv", ".jsonl": "application/jsonl", ".ndjson": "application/jsonl"}
_ID: Final = re.compile(r"pof_[0-9a-z]{26}", re.ASCII)
_RESULT_BYTES_MAX: Final = 64 * 1024 * 1024

Url = Annotated[str, typer.Option(help="The API's address, like https://custody.example.")]
FileId = Annotated[str, typer.Argument(metavar="ID", help="The payout file's id: pof_…")]


@app.command()
@told
def send(
    file: Annotated[Path, typer.Argument(help="A .csv with a header, or .jsonl.")],
    url: Url,
    reference: Annotated[
        str | None, typer.Option(help="Your name of it: the same lines again are another file.")
    ] = None,
    vault: Annotated[str | None, typer.Option(help="Of lines that name none: vlt_…")] = None,
    network: Annotated[str | None, typer.Option(help="Of lines that name none.")] = None,
    skip_invalid: Annotated[
        bool, typer.Option(help="Pay the others if some lines can't be payments.")
    ] = False,
    reject_duplicates: Annotated[
        bool, typer.Option(help="Refuse what pays the same as another payment.")
    ] = False,
    api_key_file: ApiKeyFile = None,
) -> None:
    """Send a file of payments. Sending it again is safe: nobody is paid twice."""
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise Misuse(f"{file} ends in none of {', '.join(_KINDS)}")
    query = {
        "reference": reference,
        "vault_id": vault,
        "network": network,
        "invalid_lines": "skip" if skip_invalid else None,
    }
    given = {name: value for name, value in query.items() if value is not None}
    headers = {"Reject-Duplicates": "true"} if reject_duplicates else {}
    with _server(url, api_key_file) as server:
        made = server.post_file("/v1/payout-files", given, file.read_bytes(), kind, headers)
    _show(_object(made))


@app.command()
@told
def show(payout_file: FileId, url: Url, api_key_file: ApiKeyFile = None) -> None:
    """How many of its lines and transfers are in which state, and how much that is."""
    with _server(url, api_key_file) as server:
        _show(server.get_object(f"/v1/payout-files/{_checked(payout_file)}"))


@app.command()
@told
def result(
    payout_file: FileId,
    url: Url,
    out: Annotated[Path, typer.Option(help="The new file. Never overwritten.")],
    api_key_file: ApiKeyFile = None,
) -> None:
    """Write what became of each line to a file in the format of the one that was sent."""
    with _server(url, api_key_file) as server:
        data = server.get(f"/v1/payout-files/{_checked(payout_file)}/result")
    with out.open("xb") as file:
        file.write(data)
    say(f"written to {out}")


def _show(found: dict[str, Any]) -> None:
    try:
        say(f"{found['id']} {found['state']}, {found['lines']} lines")
        show_table(
            "lines",
            ("state", "asset", "lines", "total"),
            [
                (each["state"], each["symbol"], str(each["lines"]), each["total"]["amount"])
                for each in found["totals"]
            ],
        )
        invalid = found["lines_by_state"]["invalid"]
        if invalid:
            say(f"{invalid} lines can't be payments")
        for state, number in found["transfers_by_state"].items():
            say(f"{number} transfers {state}")
    except (KeyError, TypeError, AttributeError):
        raise Failure("the server's answer is no payout file") from None


def _object(data: bytes) -> dict[str, Any]:
    from custody.cli.remote import json_object

    return json_object(data)


def _checked(payout_file: str) -> str:
    if _ID.fullmatch(payout_file) is None:
        raise Misuse("a payout file's id begins with pof_")
    return payout_file


def _server(url: str, api_key_file: Path | None) -> Server:
    from custody.cli.remote import Server

    return Server(url, read_api_key(api_key_file), answer_bytes_max=_RESULT_BYTES_MAX)
