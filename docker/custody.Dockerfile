# syntax=docker/dockerfile:1
# The API and the workers: one image, two commands. Holds no key and none of the signer's code but
# the public half: its messages, its client and the policy. Without the local test networks.
#
# Build from the project's folder:
#   docker build -f docker/custody.Dockerfile -t custody-wallet/custody .
#
# Pin PYTHON_IMAGE by digest for production; the tests run on the same minor version.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
COPY docker/requirements/install.sh docker/requirements/dev.txt docker/requirements/custody.txt \
     docker/requirements/
RUN docker/requirements/install.sh docker/requirements/custody.txt /opt/venv
RUN /opt/venv/bin/python -m pip uninstall --quiet --yes uv setuptools pip

FROM ${PYTHON_IMAGE}
RUN rm -rf /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
        /usr/local/bin/pip* \
 && install -d -o 10002 -g 10002 -m 0700 /srv/custody
COPY --from=packages /opt/venv /opt/venv
COPY chains/*.py chains/assets.toml chains/networks.toml /opt/custody/chains/
COPY chains/bitcoin/*.py /opt/custody/chains/bitcoin/
COPY chains/contracts/*.py /opt/custody/chains/contracts/
COPY chains/evm/*.py /opt/custody/chains/evm/
COPY chains/evm/eip1193/*.py /opt/custody/chains/evm/eip1193/
COPY chains/evm/traits/*.py /opt/custody/chains/evm/traits/
COPY chains/messages/*.py /opt/custody/chains/messages/
COPY chains/nodes/*.py /opt/custody/chains/nodes/
COPY chains/solana/*.py /opt/custody/chains/solana/
COPY chains/transport/*.py /opt/custody/chains/transport/
COPY chains/tron/*.py /opt/custody/chains/tron/
COPY signer/__init__.py signer/agreement.py signer/answers.py signer/batches.py signer/canonical.py signer/chain.py \
     signer/checkpoint.py signer/client.py signer/errors.py signer/inforce.py signer/logfile.py \
     signer/messages.py signer/proof.py signer/reading.py signer/records.py signer/statements.py signer/tree.py signer/wire.py /opt/custody/signer/
COPY signer/policy/*.py /opt/custody/signer/policy/
COPY custody/*.py /opt/custody/custody/
COPY custody/alarms/*.py /opt/custody/custody/alarms/
COPY custody/apikeys/*.py /opt/custody/custody/apikeys/
COPY custody/approvals/*.py /opt/custody/custody/approvals/
COPY custody/audit/*.py /opt/custody/custody/audit/
COPY custody/cli/*.py /opt/custody/custody/cli/
COPY custody/coins/*.py /opt/custody/custody/coins/
COPY custody/db/*.py /opt/custody/custody/db/
COPY custody/db/migrations/*.py custody/db/migrations/script.py.mako \
     /opt/custody/custody/db/migrations/
COPY custody/db/migrations/versions/*.py /opt/custody/custody/db/migrations/versions/
COPY custody/debits/*.py /opt/custody/custody/debits/
COPY custody/deposits/*.py /opt/custody/custody/deposits/
COPY custody/feeds/*.py /opt/custody/custody/feeds/
COPY custody/following/*.py /opt/custody/custody/following/
COPY custody/gas/*.py /opt/custody/custody/gas/
COPY custody/journal/*.py /opt/custody/custody/journal/
COPY custody/ledger/*.py /opt/custody/custody/ledger/
COPY custody/log/*.py /opt/custody/custody/log/
COPY custody/moves/*.py /opt/custody/custody/moves/
COPY custody/outcomes/*.py /opt/custody/custody/outcomes/
COPY custody/pauses/*.py /opt/custody/custody/pauses/
COPY custody/payouts/*.py /opt/custody/custody/payouts/
COPY custody/policies/*.py /opt/custody/custody/policies/
COPY custody/provider/*.py /opt/custody/custody/provider/
COPY custody/quarantine/*.py /opt/custody/custody/quarantine/
COPY custody/reconcile/*.py /opt/custody/custody/reconcile/
COPY custody/refills/*.py /opt/custody/custody/refills/
COPY custody/restraints/*.py /opt/custody/custody/restraints/
COPY custody/rewind/*.py /opt/custody/custody/rewind/
COPY custody/sweeps/*.py /opt/custody/custody/sweeps/
COPY custody/transactions/*.py /opt/custody/custody/transactions/
COPY custody/transactions/feecaps/*.py /opt/custody/custody/transactions/feecaps/
COPY custody/transactions/planners/*.py /opt/custody/custody/transactions/planners/
COPY custody/transfers/*.py /opt/custody/custody/transfers/
COPY custody/vaults/*.py /opt/custody/custody/vaults/
COPY custody/workers/*.py /opt/custody/custody/workers/
COPY api/*.py /opt/custody/api/
COPY api/docs/*.py api/docs/page.* /opt/custody/api/docs/
COPY api/errorcodes/*.py /opt/custody/api/errorcodes/
COPY api/rpc/*.py api/rpc/provider.js /opt/custody/api/rpc/
COPY api/v1/*.py /opt/custody/api/v1/
COPY docker/custody /usr/local/bin/custody

ENV PYTHONPATH=/opt/custody PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A broken image is never built: the command starts, and so do the modules it loads later.
RUN /opt/venv/bin/python -m compileall -q /opt/custody \
 && /opt/venv/bin/python -c 'import api.app, custody.workers.main' \
 && custody --help >/dev/null

USER 10002:10002
# Settings are read from /srv/custody/.env, a secret of the compose file.
WORKDIR /srv/custody
EXPOSE 8000
ENTRYPOINT ["custody"]
CMD ["--help"]
