"""`python -m chains.devnet.solana_server`: serves one local cluster on loopback until killed."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn
from solders.hash import Hash

from chains.devnet.solana_server.app import make_app
from chains.devnet.solana_server.chain import Chain


def main() -> None:
    parser = argparse.ArgumentParser(prog="solana_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--genesis", type=Hash.from_string, required=True)
    parser.add_argument("--final-after", type=int, required=True, help="blocks on top")
    options = parser.parse_args()
    chain = Chain(options.genesis, options.data_dir, options.final_after)
    uvicorn.run(make_app(chain), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
