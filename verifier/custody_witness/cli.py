"""`custody-witness`: watch transparency logs and sign what was seen.

    create-key KEY                      a new key, in a new file
    serve --log VKEY …                  answer logs (C2SP tlog-witness)
    follow PLACE --log VKEY             read a log's files, at a URL or in a folder, and sign
    compare ONE OTHER --log VKEY        two checkpoints: does one continue the other?

Ends with 0 if all is well, 1 if a log does not do what it says, 2 for misuse, 3 if nobody can say.
"""

from __future__ import annotations

import argparse
import sys
import time
from base64 import b64encode
from functools import partial
from pathlib import Path

from custody_verify.errors import Refuted, Unreadable
from custody_verify.log import Checkpoint, LogKey

from custody_witness import sources
from custody_witness.server import Server
from custody_witness.tree import Shown
from custody_witness.witness import Key, Refusal, Witness

WRONG, MISUSED, UNKNOWN = 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except (Unreadable, OSError) as error:
        print(f"custody-witness: {error}", file=sys.stderr)
        return MISUSED
    except Refuted as error:
        print(f"refuted: {error}")
        return WRONG
    except KeyboardInterrupt:
        return 0


def _create(asked: argparse.Namespace) -> int:
    Key.create(Path(asked.key))
    return _show(asked)


def _show(asked: argparse.Namespace) -> int:
    print(Key.load(Path(asked.key), asked.name).verifier_key)
    return 0


def _witness(asked: argparse.Namespace) -> Witness:
    key = Key.load(Path(asked.key), asked.name)
    return Witness(key, Path(asked.state), [LogKey.parse(each) for each in asked.log])


def _serve(asked: argparse.Namespace) -> int:
    host, _, port = asked.listen.rpartition(":")
    if not host or not port.isdecimal():
        raise Unreadable("--listen HOST:PORT")
    witness = _witness(asked)
    with Server((host, int(port)), witness) as server:
        print(f"listening on {host}:{server.server_address[1]}", flush=True)
        server.serve_forever()
    return 0


def _follow(asked: argparse.Namespace) -> int:
    witness, read = _witness(asked), sources.source(asked.place)
    while True:
        code = _look(witness, read)
        if not asked.every:
            return code
        time.sleep(asked.every)


def _look(witness: Witness, read: sources.Source) -> int:
    """Once. A log that is away is asked again; one that lies is said so, again and again."""
    try:
        note = sources.checkpoint(read)
        line = witness.follow(note, partial(sources.tile, read))
    except Refusal as error:
        print(f"refused: {error}", flush=True)
        return WRONG
    except Unreadable as error:
        print(f"not signed: {error}", flush=True)
        return UNKNOWN
    print(line, end="", flush=True)
    return 0


def _compare(asked: argparse.Namespace) -> int:
    """Both must be signed by the log, else they say nothing about it. With the log's files trees of
    different sizes can be compared."""
    pinned = LogKey.parse(asked.log)
    notes = [Path(each).read_text(encoding="utf-8") for each in (asked.one, asked.other)]
    one, other = sorted(map(Checkpoint.parse, notes), key=lambda each: each.size)
    for each in (one, other):
        each.check(pinned)
    if one.origin != other.origin:
        print("two logs: their origins differ")
        return UNKNOWN
    if one.size == other.size:
        return _said([], *notes) if one.root != other.root else _same()
    if asked.tiles is None:
        print("of different sizes: give the log's files (--tiles URL or folder)")
        return UNKNOWN
    shown = Shown(other.size, partial(sources.tile, sources.source(asked.tiles)), whole=True)
    if shown.root(0, other.size) != other.root:
        print("the files are not those of the larger checkpoint, so nothing can be said")
        return UNKNOWN
    if shown.root(0, one.size) == one.root:
        return _same()
    return _said(shown.path(one.size), *notes)


def _same() -> int:
    print("one continues the other")
    return 0


def _said(path: list[bytes], *notes: str) -> int:
    print("fork: the log signed both, and neither continues the other")
    for each in path:
        print(b64encode(each).decode())
    print("", *notes, sep="\n")
    return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "custody-witness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: object, *, witness: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name)
        made.set_defaults(run=run)
        if witness:
            made.add_argument("--key", metavar="FILE", required=True, help="the witness's key")
            made.add_argument("--name", required=True, help="as in its verifier key")
        return made

    command("create-key", _create)
    command("show-key", _show)
    serve = command("serve", _serve)
    serve.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:7380")
    follow = command("follow", _follow)
    follow.add_argument("place", help="URL or folder of the log")
    follow.add_argument("--every", metavar="SECONDS", type=float, help="again and again")
    for each in (serve, follow):
        each.add_argument("--state", metavar="FOLDER", required=True, help="what is remembered")
        each.add_argument("--log", metavar="VKEY", action="append", required=True)
    compare = command("compare", _compare, witness=False)
    compare.add_argument("one", help="a file with a checkpoint")
    compare.add_argument("other", help="another one")
    compare.add_argument("--log", metavar="VKEY", required=True)
    compare.add_argument("--tiles", metavar="PLACE", help="URL or folder of the log")
    return parser
