"""`custody approver`: an approver's own machine, their own key, and the API of somebody else.

What is shown is decoded from the bytes that will be signed, and the digest is computed here. With
--policy, the rules and people that the approval rests on come from the approver's own copy. An
approval is a signature under that digest and nothing else; the API key only carries it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from custody.cli.output import Failure, Misuse, note, say, told
from custody.cli.prompts import (
    ApiKeyFile,
    PassphraseFd,
    choose_passphrase,
    confirm,
    read_api_key,
    read_passphrase,
)

if TYPE_CHECKING:
    from custody.cli.mandates import Shown
    from custody.cli.remote import Server
    from signer.policy import Policy
    from signer.wire import Verdict

app = typer.Typer(no_args_is_help=True, help="Approvals: your key, what waits, yes or no.")

_TRANSFER_ID: Final = re.compile(r"[a-z]{3}_[0-9a-z]{26}", re.ASCII)
_SHOWN_MAX: Final = 500
_WARNINGS_MAX: Final = 20

Transfer = Annotated[str, typer.Argument(help="The transfer's id: tfr_…")]
Url = Annotated[str, typer.Option(help="The API's address, like https://custody.example.")]
KeyFileOption = Annotated[Path, typer.Option("--key", help="Your key file.")]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Your own copy of the policy: shows what the approval rests on."),
]
OwnNode = Annotated[
    str | None,
    typer.Option("--node", help="Your own node, asked what a call would do."),
]
Digest = Annotated[
    str | None,
    typer.Option(help="The digest that was shown; given, nothing is asked and no other is signed."),
]


@app.command()
@told
def keygen(
    person: Annotated[str, typer.Option("--id", help="Your id in the policy.")],
    out: Annotated[Path, typer.Option(help="The new key file. Never overwritten.")],
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make an approver's key. The file opens with a passphrase; print its public half."""
    from custody.cli import keyfile

    passphrase = choose_passphrase(passphrase_fd, "the new key")
    made = keyfile.create(out, keyfile.Role.APPROVER, person, passphrase)
    note(f"written to {out}; give this line to the administrators, for the policy's persons:")
    say(json.dumps(keyfile.public_half(made)))


@app.command("list")
@told
def list_waiting(
    url: Url,
    approver: Annotated[
        str | None, typer.Option("--id", help="Only what waits for this person.")
    ] = None,
    api_key_file: ApiKeyFile = None,
) -> None:
    """List the transfers that wait for approvals. What they do, `show` says."""
    with _server(url, api_key_file) as server:
        rows = list(_waiting(server, approver))
    say(*(rows or ["nothing waits"]))


@app.command()
@told
def show(
    transfer: Transfer,
    url: Url,
    policy_file: PolicyFile = None,
    api_key_file: ApiKeyFile = None,
) -> None:
    """Show what a transfer's approval would sign. Signs nothing."""
    policy = _policy(policy_file)
    with _server(url, api_key_file) as server:
        _show(server, transfer, policy)


@app.command()
@told
def simulate(
    transfer: Transfer,
    url: Url,
    node: Annotated[str, typer.Option(help="A node of your own, like http://127.0.0.1:8545.")],
    policy_file: PolicyFile = None,
    api_key_file: ApiKeyFile = None,
) -> None:
    """Ask your own node what a call would do now. Signs nothing; fails if it is out of bounds."""
    policy = _policy(policy_file)
    with _server(url, api_key_file) as server:
        shown = _show(server, transfer, policy)
    _simulate(shown, policy, node)


@app.command()
@told
def approve(
    transfer: Transfer,
    url: Url,
    key: KeyFileOption,
    digest: Digest = None,
    policy_file: PolicyFile = None,
    node: OwnNode = None,
    api_key_file: ApiKeyFile = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Show a transfer, ask, sign an approval of exactly what was shown, and hand it in."""
    from signer.wire import Verdict

    policy = _policy(policy_file)
    with _server(url, api_key_file) as server:
        _decide(server, transfer, Verdict.APPROVE, key, digest, policy, passphrase_fd, node)


@app.command()
@told
def reject(
    transfer: Transfer,
    url: Url,
    key: KeyFileOption,
    digest: Digest = None,
    policy_file: PolicyFile = None,
    api_key_file: ApiKeyFile = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Show a transfer, ask, sign a rejection of exactly what was shown, and hand it in."""
    from signer.wire import Verdict

    policy = _policy(policy_file)
    with _server(url, api_key_file) as server:
        _decide(server, transfer, Verdict.REJECT, key, digest, policy, passphrase_fd)


def _decide(
    server: Server,
    transfer: str,
    verdict: Verdict,
    key: Path,
    digest: str | None,
    policy: Policy | None,
    passphrase_fd: int | None,
    node: str | None = None,
) -> None:
    """Nothing is fetched from the server between showing and signing: what was seen is what is
    signed. `node`: the approver's own, asked what a call would do."""
    from custody.cli.access import now
    from custody.cli.keyfile import KeyFile, Role
    from custody.cli.mandates import is_expired
    from signer.wire import approval_message

    file = KeyFile.read(key, Role.APPROVER)
    shown = _show(server, transfer, policy)
    if node is not None:
        _simulate(shown, policy, node)
    if is_expired(shown.mandate, now()):
        raise Failure("the mandate has expired; nothing was signed")
    initiator = shown.mandate.core.initiator
    if initiator == file.header.id:
        raise Failure("you asked for this transfer yourself; nothing was signed")
    if policy is not None and file.header.id in policy.behind(initiator):
        raise Failure(f"{initiator}, a machine that you operate, asked; nothing was signed")
    if digest is None:
        confirm(f"{verdict.value.capitalize()} this transfer as {file.header.id}?")
    elif digest != shown.digest.hex():
        raise Failure("this is not the transfer whose digest you gave; nothing was signed")
    opened = file.open(read_passphrase(passphrase_fd, f"the key of {file.header.id}"))
    signature = opened.sign(approval_message(shown.digest, verdict))
    state = _submit(server, transfer, opened.id, verdict, signature)
    say(f"{verdict.value} handed in by {opened.id}; the transfer is {state}")


def _show(server: Server, transfer: str, policy: Policy | None) -> Shown:
    from custody.cli.access import now
    from custody.cli.mandates import in_words, known_to, read_mandate

    answer = server.get_object(f"/v1/transfers/{_transfer_id(transfer)}/mandate")
    canonical = answer.get("mandate")
    if not isinstance(canonical, str):
        raise Failure("the server's answer has no mandate in it")
    sent = canonical.encode("utf-8", "backslashreplace")
    shown = read_mandate(sent, transfer, known_to(policy))
    if answer.get("digest") != shown.digest.hex():
        raise Failure("the server names another digest than that of the mandate it sent")
    say(*in_words(shown, now(), policy))
    _warn(server, transfer)
    return shown


def _simulate(shown: Shown, policy: Policy | None, node: str) -> None:
    from custody.cli.mandates import known_to
    from custody.cli.simulated import simulated_lines

    say(*simulated_lines(shown.mandate, known_to(policy), node))


def _warn(server: Server, transfer: str) -> None:
    """What the server says of it beyond the bytes that are signed: nothing here proves it."""
    found = server.get_object(f"/v1/transfers/{_transfer_id(transfer)}").get("warnings")
    if not isinstance(found, list):
        return  # a server of an earlier version has none
    for each in found[:_WARNINGS_MAX]:
        if isinstance(each, dict):
            code, other, at = (str(each.get(name)) for name in ("code", "transfer", "at"))
            note(f"the server warns: {code}, as {other} of {at}"[:_SHOWN_MAX])


def _submit(server: Server, transfer: str, approver: str, verdict: Verdict, signed: bytes) -> str:
    """The state of the transfer afterwards, in the server's word."""
    from custody.cli.remote import json_object

    body = {"approver": approver, "verdict": verdict.value, "signature": signed.hex()}
    answer = json_object(server.post(f"/v1/transfers/{_transfer_id(transfer)}/approvals", body))
    return str(answer.get("state"))[:_SHOWN_MAX]


def _waiting(server: Server, approver: str | None) -> Iterator[str]:
    """A line for each transfer, over all pages."""
    query = {} if approver is None else {"approver": approver}
    while True:
        page = server.get_object("/v1/approvals", query)
        try:
            for item in page["items"]:
                needs = ", ".join(f"{need['count']} of {need['group']}" for need in item["needs"])
                transfer = item["transfer"]
                line = (
                    f"{transfer['id']}  expires {transfer['expires_at']}  needs {needs or 'none'}"
                )
                yield line[:_SHOWN_MAX]
            cursor = page["next_cursor"]
        except (KeyError, TypeError):
            raise Failure("the server's answer is not a list of what waits") from None
        if not isinstance(cursor, str):
            return
        query = {**query, "cursor": cursor}


def _server(url: str, api_key_file: Path | None) -> Server:
    from custody.cli.remote import Server

    return Server(url, read_api_key(api_key_file))


def _policy(file: Path | None) -> Policy | None:
    from custody.cli.documents import read_document

    return None if file is None else read_document(file)[1]


def _transfer_id(spelled: str) -> str:
    """It becomes part of an address. Raises Misuse."""
    if _TRANSFER_ID.fullmatch(spelled) is None:
        raise Misuse("that is not a transfer's id (tfr_…)")
    return spelled
