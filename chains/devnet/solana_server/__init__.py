"""A local Solana cluster of one: the real runtime behind our own JSON-RPC server.

Transactions are executed by LiteSVM, which is Agave's SVM with its system, compute-budget, token
and loader programs, its fees and its rent. Around it this package keeps what a validator keeps:
blocks with parents and hashes, skipped slots, forks, commitment levels, signatures, histories.

As a validator does:
- a transaction's blockhash is good for 150 blocks (BlockhashNotFound afterwards), else its first
  instruction must advance a durable nonce that holds this value, is not from the same block, and
  has its authority among the signers; a transaction is processed once (AlreadyProcessed);
- a durable nonce becomes sha256("DURABLE_NONCE" || hash of the parent block); a transaction that
  fails still advances its nonce and pays its fee; one that can't be charged enters no block;
- sendTransaction simulates first, answers with the signature, and the transaction waits for a
  block; sending it again while it waits is not an error;
- a fork's blocks lie in slots of its own, so that the slots of the fork it replaces are skipped;
- getBlock says -32007 for a skipped slot below the finalized one and -32004 above it, and withholds
  blocks with newer transaction versions than the client asks for; answers are taken from the
  commitment level asked for, finalized by default; a minContextSlot ahead of it is -32016;
- getSignatureStatuses looks beyond the newest 300 blocks only when told to search the history.

What a validator does and this does not:
- consensus. There are no votes, stakes, leaders or epochs; a block is confirmed when it is made,
  final when a fixed number of blocks is on top, and made when a control verb says so (`mine`).
  Waiting transactions go into it in the order they came, and by their bids only where they stand on
  one nonce value; those whose blockhash or nonce is no good by then are dropped, where a validator
  would try again for a while;
- proof of history, bank hashes, transaction-version upgrades, rewards, inflation, the burning of
  fees, rent collection, the incinerator, a status cache that forgets;
- compute limits of blocks and accounts, so no fee market: bids are only charged and reported;
- within a transaction, LiteSVM takes the transaction's own blockhash for the newest one. Nonces are
  put right afterwards, but a program that reads them in the same transaction sees the wrong value,
  and AdvanceNonceAccount in a transaction with a plain blockhash can be refused wrongly;
- jsonParsed, subscriptions, the methods that are not in `methods.py`.
"""
