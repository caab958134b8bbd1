"""`custody policy`: the administrators' commands, from a draft to a policy in force.

    keygen -> new -> validate -> sign (each administrator) -> assemble -> publish
    stop: one administrator alone, until the next version
    show, diff: what a policy says, and what changes; networks: an operator's rows into a draft
    upgrade: a draft from a policy of the format before
    explain, replay: what a policy says of one transfer, and of those that were made

An administrator's machine needs the draft and the key file, no database and no signer; only
publish, and explain and replay without --policy, speak to the signer's socket.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.output import Failure, Misuse, note, say, show_table, told
from custody.cli.prompts import PassphraseFd, choose_passphrase, read_passphrase

if TYPE_CHECKING:
    from signer.client import SignerClient
    from signer.policy import Policy, SignedPolicy

app = typer.Typer(
    no_args_is_help=True, help="The policy: show, check, sign, publish, explain, replay."
)

Document = Annotated[Path, typer.Argument(help="The policy as JSON, signed or not.")]
Socket = Annotated[
    Path | None, typer.Option(help="The signer's socket; default: as CUSTODY_SIGNER_… say.")
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="This policy instead of the one in force at the signer."),
]


@app.command()
@told
def keygen(
    person: Annotated[str, typer.Option("--id", help="The administrator's id in the policy.")],
    out: Annotated[Path, typer.Option(help="The new key file. Never overwritten.")],
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make an administrator's key. The file opens with a passphrase; print its public half."""
    from custody.cli import keyfile

    passphrase = choose_passphrase(passphrase_fd, "the new key")
    made = keyfile.create(out, keyfile.Role.ADMINISTRATOR, person, passphrase)
    note(f"written to {out}; keep a copy, and the passphrase elsewhere")
    say(json.dumps(keyfile.public_half(made)))


@app.command()
@told
def new(
    out: Annotated[Path, typer.Option(help="The new draft. Never overwritten.")],
    plan: Annotated[
        Path | None,
        typer.Option("--from", help="A plan in an operator's words (TOML); asked for otherwise."),
    ] = None,
    current: Annotated[
        Path | None,
        typer.Option(help="The policy in force: the draft is its next version."),
    ] = None,
) -> None:
    """Write a policy from a plan or from answers: a valid draft that explains itself."""
    from custody.cli import keyfile
    from custody.cli.access import now
    from custody.cli.documents import read_document
    from custody.cli.policy_new import ask_on_terminal, asked, draft_of, unused
    from custody.cli.policy_plan import Ground, document_of, read_plan
    from signer.wire import parse_json

    if out.exists():
        raise Misuse(f"{out} exists")
    before = None if current is None else parse_json(read_document(current)[0])
    folder = Path() if plan is None else plan.parent
    ground = Ground(folder, now(), before)
    wanted = asked(ask_on_terminal, ground) if plan is None else read_plan(plan)
    document, policy = document_of(wanted, ground)
    keyfile.write_new(out, draft_of(document, policy).encode())
    note(*unused(policy))
    say(f"written to {out}; read it, edit it, and then: custody policy validate {out}")


@app.command()
@told
def validate(document: Document) -> None:
    """Check a policy, or say which field is wrong."""
    from custody.cli.documents import read_document, summary

    canonical, policy = read_document(document)
    say(*summary(policy, canonical), "this is a policy; nobody's signature was checked")


@app.command()
@told
async def show(
    policy_file: PolicyFile = None,
    socket: Socket = None,
    out: Annotated[
        Path | None, typer.Option(help="A new file with it, as a draft to edit. Never overwritten.")
    ] = None,
) -> None:
    """Say what a policy amounts to: the one in force, or a file's."""
    from custody.cli import keyfile
    from custody.cli.documents import summary
    from signer.policy import Policy
    from signer.wire import parse_json

    document = await _document(policy_file, socket)
    say(*summary(Policy.parse(document), document))
    if out is not None:
        keyfile.write_new(out, json.dumps(parse_json(document), indent=2).encode() + b"\n")


@app.command()
@told
async def diff(document: Document, policy_file: PolicyFile = None, socket: Socket = None) -> None:
    """Say what a policy changes against the one in force, or against a file's."""
    from custody.cli.differences import differences
    from custody.cli.documents import read_document

    after, _ = read_document(document)
    say(*differences(await _document(policy_file, socket), after))


@app.command()
@told
def networks(
    document: Document,
    file: Annotated[Path, typer.Option(help="Rows of networks and assets (TOML).")],
    out: Annotated[Path, typer.Option(help="The new draft. Never overwritten.")],
) -> None:
    """Put an operator's networks and assets into a draft. A row replaces the one with its id."""
    from custody.cli import keyfile
    from custody.cli.documents import read_row
    from custody.cli.rows import with_rows

    draft = with_rows(read_row(document), file)
    keyfile.write_new(out, json.dumps(draft, indent=2).encode() + b"\n")
    say(f"written to {out}; see what changes: custody policy diff {out}")


@app.command()
@told
def upgrade(
    document: Annotated[Path, typer.Argument(help="A policy of format 1, signed or not.")],
    out: Annotated[Path, typer.Option(help="The new draft. Never overwritten.")],
) -> None:
    """Write a draft of format 2, and list everything that it means otherwise."""
    from custody.cli import keyfile
    from custody.cli.documents import read_row
    from custody.cli.upgrade import upgraded

    draft, differences = upgraded(read_row(document))
    keyfile.write_new(out, json.dumps(draft, indent=2).encode() + b"\n")
    say(f"written to {out}, version {draft['version']}; it differs from before in this:")
    say(*(f"- {difference}" for difference in differences))
    say("read it, edit it, and sign it as an administrator: custody policy sign")


@app.command()
@told
def sign(
    document: Document,
    key: Annotated[Path, typer.Option(help="The administrator's key file.")],
    out: Annotated[
        Path, typer.Option(help="Where the signature goes; a signed policy there is added to.")
    ],
    current: Annotated[
        Path | None, typer.Option(help="The policy in force: what changes is shown too.")
    ] = None,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Sign a policy as an administrator. What is signed is shown first."""
    from custody.cli.differences import differences
    from custody.cli.documents import (
        holds_signatures,
        merge,
        read_document,
        read_signed,
        summary,
        write_signed,
    )
    from custody.cli.keyfile import KeyFile, Role
    from signer.policy import SignedPolicy, policy_message

    canonical, policy = read_document(document)
    earlier = [SignedPolicy(canonical, {})]
    earlier += [read_signed(document)] if holds_signatures(document) else []
    together = merge([*earlier, *_already_there(out)])
    file = KeyFile.read(key, Role.ADMINISTRATOR)
    say(*summary(policy, canonical))
    if current is not None:
        say("", "what changes:", *differences(read_document(current)[0], canonical), "")
    elif policy.version > 1:
        note("what changes is not shown: name the policy in force with --current")
    credentials = policy.administrators.members.get(file.header.id, ())
    if all(each.key != file.header.public_key for each in credentials):
        note(f"this version does not name {file.header.id} with this key as an administrator")
    opened = file.open(read_passphrase(passphrase_fd, f"the key of {file.header.id}"))
    signature = opened.sign(policy_message(canonical))
    signed = merge([together, SignedPolicy(canonical, {opened.id: signature})])
    write_signed(out, signed)
    say(f"signed by       {', '.join(signed.signatures)}")


@app.command()
@told
def assemble(
    signed: Annotated[list[Path], typer.Argument(help="Files with signatures on one policy.")],
    out: Annotated[Path, typer.Option(help="The new file with all signatures.")],
    current: Annotated[
        Path | None,
        typer.Option(help="The policy in force; its administrators are who must have signed."),
    ] = None,
) -> None:
    """Put the signatures of several administrators into one signed policy.

    Without --current, they are checked against the administrators that the policy itself names.
    """
    from custody.cli.documents import digest_of, merge, read_document, read_signed, write_signed
    from signer.policy import Policy, PolicyUnsigned, verify_policy

    together = merge([*(read_signed(path) for path in signed), *_already_there(out)])
    policy = Policy.parse(together.document)
    deciding = policy if current is None else read_document(current)[1]
    if current is not None and policy.version <= deciding.version:
        raise Failure(f"version {policy.version} does not follow version {deciding.version}")
    try:
        verify_policy(together, deciding.administrators)
    except PolicyUnsigned as error:
        raise Failure(f"not enough for the signer: {error}") from None
    write_signed(out, together)
    say(
        f"version    {policy.version}",
        f"digest     {digest_of(together.document)}",
        f"signed by  {', '.join(together.signatures)}",
    )


@app.command()
@told
async def publish(
    signed: Annotated[Path, typer.Argument(help="The signed policy.")], socket: Socket = None
) -> None:
    """Put a signed policy in force. What it says, and what changes, is shown first; the signer
    checks every signature itself."""
    from custody.cli.differences import differences
    from custody.cli.documents import digest_of, read_document, read_signed, summary

    policy = read_signed(signed)
    document, meaning = read_document(signed)
    client = _signer(socket)
    try:
        before = await client.policy()
        say(*summary(meaning, document))
        if before is not None:
            changes = differences(before.document, document)
            say("", "what changes against the version in force:", *changes)
        version = await client.publish_policy(policy)
    finally:
        await client.close()
    say("", f"version {version} is in force", f"digest {digest_of(policy.document)}")


@app.command()
@told
async def stop(
    key: Annotated[
        Path | None, typer.Option(help="The administrator's key file: sign a stop.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for people; one line.")] = None,
    origin: Annotated[
        str | None, typer.Option(help="Of the signer's log; asked of the signer otherwise.")
    ] = None,
    policy_version: Annotated[
        int | None, typer.Option(help="Of the policy in force; asked of the signer otherwise.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the stop there, and deliver nothing.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option("--deliver", help="Deliver a stop that was written before.")
    ] = None,
    passphrase_fd: PassphraseFd = None,
    socket: Socket = None,
) -> None:
    """Stop the signer at once, as one administrator. Only cancels are signed from then on, until a
    newer policy is published.

    With --origin, --policy-version and --out no signer is asked: for a machine without a network.
    """
    from custody.cli import keyfile
    from custody.cli.stopping import Named, deliver, name_by, read_stop, signed_stop
    from signer.wire import canonical_json

    client = _signer(socket) if out is None or None in (origin, policy_version) else None
    try:
        if statement is None:
            if key is None or reason is None:
                raise Misuse("name --key and --reason, or --deliver")
            named = Named(origin, policy_version)
            if client is not None:
                named = await name_by(client, named)
            made = signed_stop(named, key, reason, passphrase_fd)
        else:
            if key is not None or reason is not None or out is not None:
                raise Misuse("--deliver takes a stop as it was written")
            made = read_stop(statement)
        if out is not None:
            keyfile.write_new(out, canonical_json(made.to_json()) + b"\n")
            say(f"written to {out}; deliver it: custody policy stop --deliver {out}")
        elif client is not None:
            say(*await deliver(client, made))
    finally:
        if client is not None:
            await client.close()


@app.command()
@told
async def explain(
    transfer: Annotated[str | None, typer.Option(help="A transfer in the database.")] = None,
    vault: Annotated[str | None, typer.Option(help="Or an imagined one: its vault id,")] = None,
    network: Annotated[str | None, typer.Option(help="network (alias or CAIP-2),")] = None,
    destination: Annotated[str | None, typer.Option(help="destination address,")] = None,
    amount: Annotated[str | None, typer.Option(help="amount in the asset's unit,")] = None,
    initiator: Annotated[
        str | None, typer.Option(help="and who asks (a person or a machine).")
    ] = None,
    asset: Annotated[str | None, typer.Option(help="CAIP-19; default: the native asset.")] = None,
    fee_max: Annotated[
        str | None, typer.Option(help="In the native unit; default: the network's.")
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(help="The vault's client: asks no database, as if nothing left before."),
    ] = None,
    approved_by: Annotated[
        list[str] | None, typer.Option(help="As if this person had approved. Repeatable.")
    ] = None,
    policy_file: PolicyFile = None,
    socket: Socket = None,
) -> None:
    """Say what a transfer would need, and what every rule says of it."""
    from custody.cli import history

    imagined = (vault, network, destination, amount, initiator)
    if transfer is None and None in imagined:
        raise Misuse(
            "name --transfer, or all of --vault --network --destination --amount --initiator"
        )
    if transfer is not None and any((*imagined, asset, fee_max, client)):
        raise Misuse("a transfer in the database is as it is: --transfer goes with no other flag")
    policy = await _policy(policy_file, socket)
    if transfer is not None:
        question = await history.stored_question(transfer, policy)
    else:
        wish = history.Wish(
            vault or "", network or "", destination or "", amount or "", initiator or "",
            asset, fee_max, client,
        )  # fmt: skip
        question = await history.imagined_question(wish, policy)
    say(*history.answer(policy, question.with_approvals(approved_by or [])))


@app.command()
@told
async def replay(
    document: Document,
    policy_file: PolicyFile = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Only what was signed from then on (UTC).", formats=["%Y-%m-%d"]),
    ] = None,
    socket: Socket = None,
) -> None:
    """Run the transfers that were signed against another version, and show what changes."""
    from custody.cli import history
    from custody.cli.documents import read_document
    from signer.policy import replay as replay_policies

    _, after = read_document(document)
    before = await _policy(policy_file, socket)
    past, first = await history.past_transfers((before, after), since)
    counted = {item.transfer for item in past if first is None or item.at >= first}
    changes = [c for c in replay_policies(before, after, past) if c.transfer in counted]
    say(
        f"{len(counted)} transfers, version {before.version} against version {after.version}:"
        f" {len(changes)} would be decided otherwise"
    )
    if changes:
        rows = [history.change_row(change) for change in changes]
        show_table("what changes", ("transfer", "before", "after"), rows)


def _already_there(out: Path) -> list[SignedPolicy]:
    """Signatures are added to those in the file; nothing else is ever overwritten."""
    from custody.cli.documents import read_signed

    return [read_signed(out)] if out.exists() else []


def _signer(socket: Path | None) -> SignerClient:
    from custody.cli.access import load_settings, signer_client
    from signer.client import SignerClient

    return signer_client(load_settings()) if socket is None else SignerClient(socket)


async def _policy(file: Path | None, socket: Path | None) -> Policy:
    """From the file, or the one in force."""
    from signer.policy import Policy

    return Policy.parse(await _document(file, socket))


async def _document(file: Path | None, socket: Path | None) -> bytes:
    """The canonical bytes, from the file or of the one in force."""
    from custody.cli.documents import read_document

    if file is not None:
        return read_document(file)[0]
    client = _signer(socket)
    try:
        signed = await client.policy()
    finally:
        await client.close()
    if signed is None:
        raise Failure("the signer has no policy yet: name a file with --policy")
    return signed.document
