"""`custody-signer`: the process that serves, and the few commands that speak to it.

Read with the standard library alone, so that no library for command lines lies beside the keys.
What people do with the seed, the log or a lost journal is another program, `custody-keys`. Secrets
are typed or come through a file descriptor. Each command says in one line what went wrong.
"""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from signer.cli import policy, serving
from signer.commands import reported

PROGRAM: Final = "custody-signer"


def main(arguments: Sequence[str] | None = None) -> None:
    """Ends with SystemExit where something goes wrong: 1, or 2 for what can't be read."""
    chosen = vars(_parser().parse_args(arguments))
    run: Callable[..., None] = chosen.pop("run")
    with reported(PROGRAM):
        run(**chosen)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        PROGRAM,
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _serve_options(_command(commands, "serve", serving.serve_command))
    _secrets(_command(commands, "unlock", serving.unlock))
    _command(commands, "lock", serving.lock)
    _command(commands, "status", serving.status)
    told = "The policy, past custody."
    past = commands.add_parser("policy", help=told, description=told, allow_abbrev=False)
    policies = past.add_subparsers(required=True, metavar="COMMAND")
    publish = _command(policies, "publish", policy.publish)
    publish.add_argument("file", type=Path, help="The signed policy (`custody policy sign`).")
    stop = _command(policies, "stop", policy.stop)
    stop.add_argument("file", type=Path, help="The stop (`custody policy stop --out`).")
    _command(policies, "show", policy.show)
    return parser


def _command(commands: Any, name: str, run: Callable[..., None]) -> ArgumentParser:
    said = (run.__doc__ or "").strip()
    parser: ArgumentParser = commands.add_parser(
        name, help=said, description=said, allow_abbrev=False
    )
    parser.add_argument(
        "--state-dir", type=Path, required=True, help="The signer's own directory, mode 700."
    )
    parser.set_defaults(run=run)
    return parser


def _serve_options(parser: ArgumentParser) -> None:
    option = parser.add_argument
    option(
        "--network",
        action="append",
        required=True,
        help="A network to sign for, by alias or CAIP-2 id; repeat for more.",
    )
    option("--socket", type=Path, help="Unix socket for callers.")
    option(
        "--allow-uid",
        type=int,
        action="append",
        help="User who may call. [default: the signer's own]",
    )
    option("--listen", default="", help="HOST:PORT for callers over mutual TLS.")
    option("--certificate", type=Path, help="Ours, with its chain (PEM).")
    option("--private-key", type=Path, help="The certificate's key (PEM).")
    option("--callers-ca", type=Path, help="Who certifies callers (PEM).")
    option("--allow-name", action="append", help="Common name of a certificate that may call.")
    option("--locked", action="store_true", help="Start locked; `unlock` later.")
    option("--token-label", default="", help="The token's label.")
    _secrets(parser)


def _secrets(parser: ArgumentParser) -> None:
    option = parser.add_argument
    option(
        "--passphrase-fd",
        type=int,
        help="File descriptor that holds the passphrase. [default: ask]",
    )
    option("--token-library", type=Path, help="PKCS#11 library of a wrapping token.")
    option("--pin-fd", type=int, help="File descriptor that holds the token's PIN.")
