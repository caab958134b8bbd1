"""One message in, one message out: the calls that exist, and nothing else.

The explicit table below is the signer's whole surface. Each entry reads its arguments strictly and
calls one method. Whatever arrives, an answer leaves: a result, or a refusal with a code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from chains.model import Address, AddressType, NetworkId
from signer import messages
from signer.batches import positions
from signer.errors import Refused, SignerFault, malformed
from signer.messages import parse_request
from signer.policy import SignedPolicy, Stop
from signer.proving import prove_consistency, prove_record
from signer.records import LOOKED_AT_MAX, PAGE_BYTES_MAX, is_whole, told, told_proof
from signer.refusals import printable
from signer.service import Caller, step1_authenticate
from signer.session import Session
from signer.wire import (
    BATCH_MAX,
    CONSENTS_MAX,
    Consent,
    MalformedMessage,
    Notice,
    RefusalCode,
    SignRequest,
    Status,
    exact_fields,
    identifier,
    integer,
    listed,
    octets,
    opinion_to_json,
    outcome_to_json,
)

Arguments = Mapping[str, Any]
_FAULT: Final = "fault"


class Endpoint:
    """Answers messages from one thread. Without a session the signer is locked."""

    def __init__(self, notices: Callable[[], tuple[Notice, ...]] = tuple) -> None:
        """`notices`: what an operator should mend about process and disk, asked at each status."""
        self._notices = notices
        self.session: Session | None = None
        self.strangers = 0

    def answer(self, caller: Caller, body: bytes) -> bytes:
        """Never raises for what a caller sends."""
        try:
            step1_authenticate(caller)
            call, arguments = parse_request(body)
            return messages.result(self._call(caller, call, arguments))
        except MalformedMessage as error:
            return self.reject(caller, RefusalCode.MALFORMED, "message", str(error))
        except Refused as refused:
            return self.reject(caller, refused.code, refused.detail, str(refused))
        except (sqlite3.Error, OSError):
            message = "the signer's disk refuses; the same call may be repeated"
            return messages.refusal(RefusalCode.UNAVAILABLE, "not-durable", message)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the service
            # Its text may name what is ours alone; the caller learns that it may try again.
            fault = f"internal fault: {type(error).__name__}"
            return self.reject(caller, RefusalCode.UNAVAILABLE, _FAULT, fault)

    def reject(self, caller: Caller, code: RefusalCode, detail: str, message: str) -> bytes:
        """A refusal of a whole message, recorded like every decision."""
        said = printable(message)
        passing = code is RefusalCode.UNAVAILABLE and detail != _FAULT
        if self.session is not None and not passing:
            with suppress(SignerFault, sqlite3.Error, OSError):  # unrecorded, but still refused
                self.session.record_rejected(caller.name, code, detail, said)
        return messages.refusal(code, detail, said)

    def tick(self) -> None:
        """Once a minute: what has to be looked at also while nobody asks."""
        if self.session is not None:
            with suppress(SignerFault, sqlite3.Error, OSError):  # looked at again in a minute
                self.session.tick()

    def lock(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

    def status(self) -> Status:
        notices = self._notices()
        if self.session is None:
            return Status(True, 0, 0, bytes(32), b"", notices, strangers=self.strangers)
        return replace(self.session.status(notices), strangers=self.strangers)

    def _call(self, caller: Caller, call: str, arguments: Arguments) -> Any:
        if call == "status":
            exact_fields(arguments, frozenset())
            return self.status().to_json()
        handler = _CALLS.get(call)
        if handler is None:
            raise MalformedMessage("there is no such call")
        if self.session is None:
            raise Refused(RefusalCode.LOCKED, "locked", "the signer is locked")
        return handler(self.session, caller, arguments)


def _expect(session: Session, caller: Caller, arguments: Arguments) -> None:
    fields = exact_fields(arguments, frozenset({"sequence", "head"}))
    session.guard.expect(integer(fields["sequence"]), octets(fields["head"], 32))


def _open_vault(session: Session, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    fields = exact_fields(arguments, frozenset({"client", "vault"}))
    client, vault = identifier(fields["client"]), identifier(fields["vault"])
    return session.vaults.open(client, vault).to_json()


def _account_key(session: Session, caller: Caller, arguments: Arguments) -> str:
    fields = exact_fields(arguments, frozenset({"vault", "network", "address_type"}))
    return session.vaults.account_key(
        identifier(fields["vault"]),
        NetworkId(identifier(fields["network"])),
        _address_type(fields["address_type"]),
    )


def _public_keys(session: Session, caller: Caller, arguments: Arguments) -> list[str]:
    names = frozenset({"vault", "network", "address_type", "start", "count"})
    fields = exact_fields(arguments, names)
    keys = session.vaults.public_keys(
        identifier(fields["vault"]),
        NetworkId(identifier(fields["network"])),
        _address_type(fields["address_type"]),
        integer(fields["start"]),
        integer(fields["count"]),
    )
    return [key.hex() for key in keys]


def _attest(session: Session, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    fields = exact_fields(arguments, frozenset({"network", "vault", "path", "address"}))
    return session.vaults.attest(
        NetworkId(identifier(fields["network"])),
        identifier(fields["vault"]),
        identifier(fields["path"]),
        Address(identifier(fields["address"])),
    ).to_json()


def _sign(session: Session, caller: Caller, arguments: Arguments) -> list[dict[str, Any]]:
    fields = exact_fields(arguments, frozenset({"requests"}))
    requests = [_request(row) for row in listed(fields["requests"], maximum=BATCH_MAX)]
    return [outcome_to_json(outcome) for outcome in session.signer.sign(caller, requests)]


def _sign_in_order(session: Session, caller: Caller, arguments: Arguments) -> list[dict[str, Any]]:
    """Each request at one of the positions `follows` only after the one before it."""
    fields = exact_fields(arguments, frozenset({"requests", "follows"}))
    requests = [_request(row) for row in listed(fields["requests"], maximum=BATCH_MAX)]
    follows = positions(fields["follows"], len(requests))
    outcomes = session.signer.sign(caller, requests, follows)
    return [outcome_to_json(outcome) for outcome in outcomes]


def _request(row: object) -> SignRequest | Refused:
    """One that can't be read must not take its whole batch with it."""
    try:
        return SignRequest.parse(row)
    except MalformedMessage as error:
        return malformed("request", printable(str(error)))


def _consider(session: Session, caller: Caller, arguments: Arguments) -> list[dict[str, Any]]:
    fields = exact_fields(arguments, frozenset({"consents"}))
    consents = [Consent.parse(row) for row in listed(fields["consents"], maximum=BATCH_MAX)]
    return [opinion_to_json(opinion) for opinion in session.signer.consider(caller, consents)]


def _records(session: Session, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """A page ends where no transaction is cut in two."""
    after = integer(exact_fields(arguments, frozenset({"after"}))["after"])
    ending, size = (after, bytes(32)), 0
    records: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    found = session.journal.looked_at(after, LOOKED_AT_MAX + CONSENTS_MAX)
    for looked_at, (sequence, head, kind, body) in enumerate(found, 1):
        row = told(sequence, head, kind, body)
        waiting += [] if row is None else [row]
        size += 0 if row is None else len(body)
        if not is_whole(kind, body):
            continue
        if records and size > PAGE_BYTES_MAX:
            break
        records, waiting, ending = [*records, *waiting], [], (sequence, head)
        if looked_at >= LOOKED_AT_MAX:
            break
    return {"records": records, "through": ending[0], "head": ending[1].hex()}


def _prove_record(session: Session, caller: Caller, arguments: Arguments) -> Any:
    sequence = integer(exact_fields(arguments, frozenset({"sequence"}))["sequence"])
    proven = prove_record(session.journal, sequence)
    return None if proven is None else told_proof(*proven)


def _prove_consistency(session: Session, caller: Caller, arguments: Arguments) -> Any:
    fields = exact_fields(arguments, frozenset({"origin", "old", "new"}))
    sizes = integer(fields["old"]), integer(fields["new"])
    path = prove_consistency(session.journal, identifier(fields["origin"]), *sizes)
    return None if path is None else [each.hex() for each in path]


def _policy(session: Session, caller: Caller, arguments: Arguments) -> dict[str, Any] | None:
    exact_fields(arguments, frozenset())
    current = session.publisher.current()
    return None if current is None else current.to_json()


def _publish_policy(session: Session, caller: Caller, arguments: Arguments) -> int:
    fields = exact_fields(arguments, frozenset({"policy"}))
    return session.publisher.publish(SignedPolicy.parse(fields["policy"]))


def _stop(session: Session, caller: Caller, arguments: Arguments) -> int:
    fields = exact_fields(arguments, frozenset({"stop"}))
    return session.publisher.stop(Stop.parse(fields["stop"]))


_CALLS: Final[Mapping[str, Callable[[Session, Caller, Arguments], Any]]] = {
    "expect": _expect,
    "open_vault": _open_vault,
    "account_key": _account_key,
    "public_keys": _public_keys,
    "attest": _attest,
    "sign": _sign,
    "sign_in_order": _sign_in_order,
    "consider": _consider,
    "records": _records,
    "prove_record": _prove_record,
    "prove_consistency": _prove_consistency,
    "policy": _policy,
    "publish_policy": _publish_policy,
    "stop": _stop,
}


def _address_type(value: object) -> AddressType:
    name = identifier(value)
    if name not in list(AddressType):
        raise MalformedMessage("address type")
    return AddressType(name)
