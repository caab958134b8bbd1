"""A small chain of our own that speaks java-tron's HTTP API: the local TRON network.

A node of the real chain does not run from the package registries, so this one stands in for it.
It was written against java-tron's source (`Manager`, `TransactionCapsule`, `BandwidthProcessor`,
`TransferActuator`, `VMActuator`, `ReceiptCapsule`, `EnergyCost`, the HTTP servlets) and shares no
code with `chains/tron`: it reads protobuf by itself, so that a mistake there is not repeated here.

It does as java-tron does: transaction ids; signatures (recovered, compared with the owner, also
with recovery ids 0..3); one contract per transaction; reference blocks among the last 65,536;
expiration against the head block and at most a day ahead; duplicates; size limits; 600 points of
free bandwidth that come back over a day by java-tron's formula, else 1,000 sun burned per byte;
account activation (1 TRX, and 0.1 TRX for bandwidth); memo fee; balances; the order of these
checks and the codes they answer with; a pool of waiting transactions that sees their effects, and
takes back those of replaced blocks; the cache of ids seen, filled before a transaction is judged
(here for as long as the process lives, there for an hour); block ids (height, then SHA-256 of the
header); headers that 27 witnesses sign in turn; Merkle roots; solidified blocks; transaction infos
with receipts; hexadecimal or base58 by `visible`.

Contracts are run by py-evm with TRON's energy (`machine`): made and called by transactions; where
they lie; asked without a transaction as of the head and of the solidified block; the fee limit over
all energy, staked or burned; staked energy first, which comes back over a day, then TRX at the
chain's price; delegated energy; the factor of busy contracts; failures that are in a block and cost
(REVERT what was used, all others all of it); logs, results and receipts. TRX goes with a call, and
what contracts pass on are internal transactions, shown as by a node that keeps them
(`vm.saveInternalTx`). What contracts keep follows reorganisations and the journal as accounts do.

It does not do, and java-tron does:
- witnesses: no voting, no rewards, no block signatures (a constant stands there); a block appears
  when told to, three seconds after its parent in the chain's own time, whatever the clock says;
  the newest block is solidified a fixed number of blocks later, not by counting witnesses;
- the genesis block's id is configured, not the hash of a header, and its one account is the faucet;
- other contract types than transfers of TRX, contracts and delegated energy: refused with
  CONTRACT_VALIDATE_ERROR; so is what sends TRC-10 to a contract, gives it TRX when it is made, or
  shares a call's energy with its maker. Contracts make no contracts and do not destroy themselves;
  of opcodes since Byzantium there are the shifts; TRON's own ones are missing. A contract that
  calls another one keeps a 64th of its energy back, as Ethereum's do, and it runs for any time;
- a contract's factor is set by a verb, and not by how much it is used; an account's window of
  energy is always a day. `estimateenergy` answers what a call uses: nothing here depends on limits;
- staking: only the faucet has stakes, and delegates them for good; the network-wide pool of free
  bandwidth is never exhausted; TRX burned for fees is not shared with witnesses;
- permissions other than the default ones: the owner's key signs alone, for permission 0 or 2;
- `/wallet` reads answer from the head block, where java-tron already shows the effects of waiting
  transactions in balances;
- peers, rate limits, the other hundred and more methods, and history lookups of balances;
- the proposals that change the chain's parameters: they are those of the main network.
"""
