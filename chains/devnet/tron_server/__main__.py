"""Runs the local TRON chain: `python -m chains.devnet.tron_server --port 0 --genesis ID ...`.

Listens on 127.0.0.1 only and prints its address.
"""

from __future__ import annotations

import argparse
import socket
import time
from pathlib import Path

import uvicorn

from chains.devnet.tron_server import faucet
from chains.devnet.tron_server.api import application
from chains.devnet.tron_server.chain import Journal


def main() -> None:
    arguments = _arguments()
    journal = Journal.open(
        arguments.data_dir / "journal.jsonl",
        bytes.fromhex(arguments.genesis),
        int(time.time() * 1000),
        faucet.ADDRESS,
        solid_after=arguments.solid_after,
    )
    # Named as TCP, or asyncio would leave Nagle's algorithm on: 40 ms more for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", arguments.port))
    print(f"tron devnet at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        application(journal), log_level="warning", access_log=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listener])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chains.devnet.tron_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes any free one")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--genesis", required=True, help="id of block 0, 64 hexadecimal digits")
    parser.add_argument("--solid-after", type=int, required=True, help="blocks that make one final")
    return parser.parse_args()


if __name__ == "__main__":
    main()
