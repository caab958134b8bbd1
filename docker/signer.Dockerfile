# syntax=docker/dockerfile:1
# The signer: keys, policy, refusal. Contains the pure half of chains/ and signer/, and no node, HTTP
# or database client. tests/architecture/test_docker.py compares the files below with what
# signer/ imports and starts the command from exactly them.
#
# Build from the project's folder:
#   docker build -f docker/signer.Dockerfile -t custody-wallet/signer .
#
# Pin PYTHON_IMAGE by digest for production; the tests run on the same minor version.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
COPY docker/requirements/install.sh docker/requirements/dev.txt docker/requirements/signer.txt \
     docker/requirements/
RUN docker/requirements/install.sh docker/requirements/signer.txt /opt/venv
# What installs packages has no business beside the keys.
RUN /opt/venv/bin/python -m pip uninstall --quiet --yes uv setuptools pip

FROM ${PYTHON_IMAGE}
# The base image's own installers go as well; 10001 owns the seed and nothing else.
RUN rm -rf /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
        /usr/local/bin/pip* \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/custody-signer \
 && install -d -o 10001 -g 10001 -m 0755 /run/custody-signer
COPY --from=packages /opt/venv /opt/venv
COPY chains/__init__.py chains/abi.py chains/assets.py chains/assets.toml chains/base58.py chains/catalogue.py \
     chains/codec.py chains/costs.py chains/effects.py chains/errors.py \
     chains/families.py chains/hashes.py chains/json_text.py chains/keys.py chains/lasting.py \
     chains/model.py chains/networks.py chains/networks.toml chains/outcomes.py chains/rows.py chains/schema.py chains/shares.py \
     chains/transaction.py \
     /opt/custody/chains/
COPY chains/bitcoin/__init__.py chains/bitcoin/address.py chains/bitcoin/bech32.py \
     chains/bitcoin/codec.py chains/bitcoin/outputs.py chains/bitcoin/psbt.py chains/bitcoin/schema.py \
     chains/bitcoin/sighash.py chains/bitcoin/signatures.py chains/bitcoin/transaction.py \
     chains/bitcoin/weight.py /opt/custody/chains/bitcoin/
COPY chains/contracts/__init__.py chains/contracts/calling.py chains/contracts/described.py chains/contracts/functions.py chains/contracts/nested.py \
     chains/contracts/rows.py chains/contracts/texts.py chains/contracts/typed.py \
     chains/contracts/types.py chains/contracts/values.py /opt/custody/chains/contracts/
COPY chains/evm/__init__.py chains/evm/address.py chains/evm/build.py chains/evm/calling.py \
     chains/evm/carrying.py chains/evm/codec.py chains/evm/erc20.py chains/evm/messages.py chains/evm/orders.py chains/evm/parse.py \
     chains/evm/permits.py chains/evm/rlp.py chains/evm/schema.py chains/evm/siwe.py \
     /opt/custody/chains/evm/
COPY chains/evm/traits/__init__.py /opt/custody/chains/evm/traits/
COPY chains/messages/__init__.py chains/messages/errors.py chains/messages/model.py chains/messages/reading.py \
     chains/messages/recoverable.py chains/messages/texts.py /opt/custody/chains/messages/
COPY chains/solana/__init__.py chains/solana/address.py chains/solana/build.py \
     chains/solana/carrying.py chains/solana/claims.py chains/solana/codec.py chains/solana/explain.py \
     chains/solana/messages.py chains/solana/nonce.py chains/solana/schema.py chains/solana/spl.py /opt/custody/chains/solana/
COPY chains/tron/__init__.py chains/tron/address.py chains/tron/calling.py chains/tron/codec.py chains/tron/fees.py \
     chains/tron/messages.py chains/tron/parse.py chains/tron/schema.py chains/tron/trc20.py chains/tron/tron_pb2.py /opt/custody/chains/tron/
COPY signer/*.py /opt/custody/signer/
COPY signer/ceremonies/__init__.py signer/ceremonies/common.py signer/ceremonies/log.py \
     signer/ceremonies/options.py signer/ceremonies/recovering.py signer/ceremonies/recovery.py \
     signer/ceremonies/seed.py signer/ceremonies/words.py /opt/custody/signer/ceremonies/
COPY signer/cli/__init__.py signer/cli/policy.py signer/cli/serving.py /opt/custody/signer/cli/
COPY signer/policy/*.py /opt/custody/signer/policy/
COPY docker/custody-keys docker/custody-signer /usr/local/bin/

ENV PYTHONPATH=/opt/custody PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A broken image is never built: both commands start, and policies can name time zones.
RUN /opt/venv/bin/python -m compileall -q /opt/custody \
 && /opt/venv/bin/python -c 'from signer.policy.zones import time_zone; time_zone("Europe/Zurich")' \
 && custody-keys --help >/dev/null && custody-signer --help >/dev/null

USER 10001:10001
WORKDIR /var/lib/custody-signer
VOLUME ["/var/lib/custody-signer", "/run/custody-signer"]
ENTRYPOINT ["custody-signer"]
CMD ["--help"]
