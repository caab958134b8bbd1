"""`custody-verify [period] BUNDLE`: what the file shows, given what you pin. Reads files alone.

Ends with 0 if nothing is refuted, 1 if something is or can't be read, 2 for misuse.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from custody_period.claims import examine_period
from custody_report import report

from custody_verify import bundle
from custody_verify.addresses import tron_account
from custody_verify.claims import Claim, Pins, examine
from custody_verify.errors import Unreadable
from custody_verify.log import COSIGNATURE, LogKey
from custody_verify.model import Anchors
from custody_verify.people import Administrators
from custody_verify.strict import listed, octets


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        pins, data = _pins(asked), Path(asked.bundle).read_bytes()
    except (Unreadable, OSError, ValueError) as error:
        print(f"custody-verify: {error}", file=sys.stderr)
        return 2
    try:
        read = bundle.read(data, asked.kind or "transfer")
    except Unreadable as error:
        print(f"unreadable: {error}")
        return 1
    if asked.digest and read.digest.hex() != asked.digest:
        print(f"refuted: the manifest has another digest, {read.digest.hex()}")
        return 1
    claims = (examine_period if asked.kind else examine)(read, pins)
    about = {name: getattr(read, name) for name in ("subject", "network", "made_at")}
    about["digest"] = read.digest.hex()
    if asked.json:
        print(json.dumps({**about, "claims": [each._asdict() for each in claims]}, indent=1))
    else:
        print(*(f"{name}: {said}" for name, said in about.items()), *map(_line, claims), sep="\n")
        states = Counter(each.state for each in claims)
        print(", ".join(f"{count} {state}" for state, count in states.items()))
    wrong = int(any(each.state == "refuted" for each in claims))
    return report.write(asked.html, data, read, pins, claims, asked.digest) or wrong


def _line(claim: Claim) -> str:
    name = f"{claim.claim} {claim.about}".strip()
    mark = " (local network)" if claim.local and claim.claim in ("block", "final") else ""
    return f"{claim.grade or '-'}  {claim.state:<11}  {name}: {claim.words}{mark}"


def _pins(asked: argparse.Namespace) -> Pins:
    checkpoints = {}
    for each in asked.checkpoint:
        network, height, hash_ = [*each.rsplit(":", 2), "", ""][:3]
        if not (height.isascii() and height.isdigit()) or not hash_ or network in checkpoints:
            raise Unreadable("--checkpoint NETWORK:HEIGHT:HASH, once for each network")
        hash_ = hash_.lower().removeprefix("0x")
        checkpoints[network] = int(height), "0x" * network.startswith("eip155:") + hash_
    signers = json.loads(Path(asked.representatives).read_text()) if asked.representatives else []
    people = json.loads(Path(asked.administrators).read_text()) if asked.administrators else None
    keys = frozenset(b"\x41" + tron_account(str(each)) for each in listed(signers))
    return Pins(
        None if asked.log_key is None else LogKey.parse(asked.log_key),
        None if people is None else Administrators.parse(people),
        Anchors(checkpoints, keys),
        None if asked.transparency_key is None else LogKey.parse(asked.transparency_key),
        [LogKey.parse(each, COSIGNATURE) for each in asked.witness],
        Path(asked.logged).read_bytes() if asked.logged else b"",
        asked.seed,
        {int(at): octets(head, 32) for at, _, head in (each.partition(".") for each in asked.head)},
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("custody-verify", description=__doc__)
    parser.add_argument("kind", nargs="?", choices=["period"], help="if it is of a period")
    parser.add_argument("bundle", help="the .evidence file")
    parser.add_argument("--log-key", metavar="VKEY", help="of the signer's log (C2SP)")
    parser.add_argument("--administrators", metavar="FILE", help="pinned in the signer (JSON)")
    parser.add_argument("--checkpoint", metavar="NETWORK:HEIGHT:HASH", action="append", default=[])
    parser.add_argument("--representatives", metavar="FILE", help="TRON: addresses (JSON list)")
    parser.add_argument("--transparency-key", metavar="VKEY", help="of the house's log (C2SP)")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="a cosigner")
    parser.add_argument("--logged", metavar="FILE", help="a later proof that it is in that log")
    parser.add_argument("--seed", metavar="HEX", help="of a period: that its samples are drawn by")
    parser.add_argument("--head", metavar="N.HEX", action="append", default=[], help="a ledger's")
    parser.add_argument("--digest", metavar="HEX", help="that the manifest must have")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--html", metavar="FILE", help="a report to print, in a new file")
    return parser
