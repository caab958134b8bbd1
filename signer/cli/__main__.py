"""`python -m signer.cli` is `custody-signer`."""

from signer.cli import main

main()
