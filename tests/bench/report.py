"""The page docs/performance.md: what was measured where, the table, and how to read it.

The words are written here and the numbers are put between them, so that the page can be made again
on any machine and never says what this run did not see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.bench.table import Row, markdown, number

_HEAD = """\
# Performance

Written by `python -m tests.bench --write docs/performance.md`; change the words in
`tests/bench/report.py`. `make bench` prints the same table. Everything below was measured in one
run: ours, the other libraries and the limit take turns, round by round, and each figure is the
median of its rounds, so that whatever else the machine was doing slowed all of them.

## Where
"""

_COLUMNS = """
**ours** and the limit's **is** are rates by the clock on the wall, or milliseconds, megabytes and
seconds where the unit says so. **a core**, behind each, is the rate per second of one core's time,
of the process that does the work: the signer's where the signer works, else this one (databases and
nodes are not in it). On an idle machine a busy thread has both rates equal; on a busy machine only
the second means much. **of limit** is how much of the limit's speed is ours, by the wall and then
by a core's time: 1 is as fast. The number behind a peer says how many times as good ours is. Aims
"a core" are judged by that column, all others by the wall.

"""

_COUNTS = """
## What each row counts

**Signatures through the signer.** The signer is `custody-signer serve` in its own process, asked
over its Unix socket. Each request is another transfer with its own destination, amount and conflict
key, out of 24 vaults, under a published policy that has a limit for each transaction and two
rolling windows for each vault and network. Every signature in these figures has gone through all
eight steps: message parsed and its canonical form checked, transaction decoded from its bytes,
mandate compared, policy evaluated against the signer's own counters, decision chained, written and
fsynced, key derived, signed, wiped, logged, answered; the client's side of the socket is in the
wall time as well. *One request* has an fsync to itself; *in batches* two callers keep the signer
busy with up to 256 requests in one message and one fsync. The limit of one request is a 4 KiB
append with fsync to a file on the same disk, and one bare signature; the limit of a batch is
libsecp256k1 (by coincurve) or OpenSSL's Ed25519 (by cryptography) in a loop over ready digests: it
signs, and does nothing else whatsoever. The peers build and sign a transaction in this process with
a key in memory: no policy, no record, no second process.

**Addresses derived.** From an account's extended public key to `OwnedAddress` objects with path and
public key, by the code that creates deposit addresses, without writing them to a database. The
limit makes the child keys only. Solana's keys are derived by the signer, since SLIP-10 knows no
public derivation on Ed25519, and cross the socket 256 at a time; its peer holds the private key.

**Blocks followed.** A real `bitcoind` and a real `anvil` make the blocks; one payment of a hundred
goes to an address of ours. Ours is the follower with the real adapter and a SQLite database in
which all addresses lie: it fetches, parses, checks the merkle root, matches every credit and every
spent coin against the watch list, writes deposits, coins and ledger entries, credits what has
become final, and commits. The limit asks the same node for the same blocks, as many at a time,
parses them (bitcoin: with the same parser) and writes nothing. `anvil` needs quadratic time to
trace a block, so its blocks are read by receipts here. bitcoinlib parses a tenth of a block that it
has already; web3 fetches blocks without receipts. The row of a token is the same by transfers of an
ERC-20 that the network lists.

**Transfers accepted.** `Transfers.create` in this process, as the API calls it: idempotency key,
destination, policy with its windows, balance, reservation in the ledger, state, event and outbox in
one transaction. The limit writes the same eleven rows in one transaction with the raw driver; it reads
nothing, decides nothing and updates no balance. Both wait for the disk (SQLite: WAL with
`synchronous=FULL`; PostgreSQL: `fsync` and `synchronous_commit` on). PostgreSQL is asked by eight
callers on eight connections on both sides; in SQLite writers queue, and the raw driver runs in this
thread, without an event loop. *Over HTTP* the API is `custody serve` in a process of its own, asked
by eight connections of one plain client; its limit is a FastAPI route in a process of its own that
parses the same request, writes the same rows with the raw driver and answers. The rows *in the
window* compare one vault that has so many transfers inside the policy's windows with a new vault in
each round. *Requests a second*: half of them ask for a payout, half look at the newest one, each
at its fixed moment, from which its time counts, whether those before it were answered or not; beside
it the same two requests one at a time.

**The feed.** Forty programs ask for payouts over HTTP as fast as they are answered, while one
follows `GET /v1/events` with long polls, and a worker gives events their numbers. Missed is what was
accepted and never told, and every number that was left out; twice is what was told again. The wait
is from the answer that a writer got to the one in which the reader was told.

**A large house.** The database is filled by itself: one client with so many accounts, four in each
vault. `custody serve` is a process of its own. Balances are added up by the database, so their time
is its own; a list's page is 200 items, asked for a hundred times. Then one after the other is asked again, three times each,
while `/health` is asked fifty times a second at fixed moments: what it waits is what every other
request waits for the process. At last all of it, the feed, alarms, networks and assets are asked at
once, each by a program of its own, until the slowest sum was answered three times. Those programs
leave no processor free, so that `/health` waits its turn among them. Only vaults and accounts are
many here; the lists of transfers, deposits and approvals are empty.

**Payouts of one vault.** The whole way, with every part a process of its own: 200 payouts to 200
destinations are requested over HTTP, eight at a time; the policy's limits and windows are judged
twice, the signer signs, workers build, broadcast and follow. A payout counts as broadcast when the
node says that it has taken it. Blocks are made every half second until then; afterwards as many as
finality needs, at once. The figure is payouts broadcast in a second since the first request, and
behind it, for each second of CPU that the workers spent until all payouts were final. What stands
below the table: when the first and the last were broadcast, when all were final, and the workers'
CPU for each. The script has the key in memory and nothing to lose: with the family's library it
builds, signs and sends one payment after the other to the same node, in the same run (bitcoin: the
node's own wallet does it). It goes before the vault gets its money, so that the house has read its
blocks by then: `anvil` takes seconds to trace 200 transfers of one block, and answers nobody
meanwhile. The engines are `anvil`, `bitcoind` and our own local servers of Solana and TRON. The
API's p50 is that of one question after the other (a vault's balances), while nothing happens and
while the payouts are under way.

**How long people wait.** Payouts of one vault are asked for at fixed moments, once, ten and twenty times
a second, whether those before were answered or not; a payout's time is from its moment until the node
says that it has one more (asked every 5 ms; the n-th taken counts as the n-th asked for). Blocks come
every half second. Deposits: an outside wallet pays a new vault and a block is made at no particular
moment of custody's interval; the time ends when the vault's balances show it, and, from the block that
makes it final, when it can be spent. *Announced* is with the nodes' `push`; TRON's have none. All
networks are followed by one worker at the same time. Where the local network makes tokens, the same is
done with one at ten a second, and what such a payout cost stands beside what one of the coin cost.

**What bitcoin payouts cost.** Custody's vault and a wallet of the node begin with a thousand coins of the
same amounts, spread over some four decades, and make the same payments to one to six payees, each
in a block before the next. The wallet pays the rate that custody paid, and is told (`consolidatefeerate`)
not to spend more coins than it needs. Fees saved now can be fees later, so the coins left stand beside.

**Loaded in the process.** Modules in `sys.modules` of a fresh process after importing the signer's
entry points, less those of an empty interpreter, and the distributions that they belong to. Fewer
is safer; a larger number needs a reason in `docs/adr/`.

## How to read it

- **Half of a bare signing loop is not what a guarded signature can cost.** A bare signature takes
  tens of microseconds. Before the signer makes one it parses about a kilobyte of JSON that a
  hostile caller may have written and checks that it is the one canonical spelling, decodes the
  transaction with no trust in anybody, evaluates every rule, and chains and stores a record, all of
  it in Python: some hundreds of microseconds. The aim of 0.5 stays in the table so that the
  distance is seen and not explained away. What it means in practice stands under "a core".
- **The latency of one request is mostly the disk's.** Compare it with its limit, not with zero. The
  peer's lower number is for a signature that nobody could account for after a power failure.
- **A follower's speed on EVM is the node's speed**: both sides wait for the node, so "of limit" by
  the wall says little; what our side costs is visible under "a core" only.
- **Compare within a row.** A shared virtual machine may run the same code at half its speed a minute
  later, and then everything in the row is slower. A share of a limit is steadier than a rate. Third
  digits mean nothing, and where a figure lies within a third of its aim, "met" or "missed" is what
  this run saw and another may not.
"""


def page(where: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Markdown."""
    places = [f"| {name} | {value} |" for name, value in where.items()]
    table = "\n".join(["| | |", "| --- | --- |", *places])
    aims = "\n".join(_aims(rows))
    return f"{_HEAD}\n{table}\n\n## The figures\n{_COLUMNS}{markdown(rows)}\n\n{aims}\n{_COUNTS}"


def _aims(rows: Sequence[Row]) -> Iterator[str]:
    aims = [(row, aim) for row in rows for aim in row.aims]
    missed = [(row, aim) for row, aim in aims if not aim.met]
    yield f"{len(aims) - len(missed)} of {len(aims)} aims are met."
    if missed:
        yield "Missed:\n"
    for row, aim in missed:
        core = "" if row.ours.core is None else f", {number(row.ours.core)} a core"
        share = "" if row.limit is None else f", {number(row.ratio(row.limit))} of the limit"
        figure = f"{number(row.ours.value)} {row.unit}{core}{share}"
        yield f"- {row.section}, {row.what}: the aim is {aim.text}, found {figure}."
