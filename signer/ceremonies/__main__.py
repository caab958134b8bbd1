"""`python -m signer.ceremonies` is `custody-keys`."""

from signer.ceremonies import app

app()
