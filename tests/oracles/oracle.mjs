// Other people's wallets, asked over a pipe: one JSON request a line in, one JSON answer a line out.
//
//   {"id": 1, "function": "address", "arguments": {...}}  ->  {"id": 1, "result": ...}
//                                                         or  {"id": 1, "error": "..."}
//
// tests/support/oracle.py is the other end. Amounts are decimal strings in base units, bytes are
// hexadecimal without 0x. Nothing here is ours but the plumbing, so that agreement means something.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const { TronWeb, utils } = require("tronweb");
const { initWasm, TW } = require("@trustwallet/wallet-core");
const { TypedDataEncoder, verifyMessage, verifyTypedData } = require("ethers");
const Long = require("long");

let walletCore;
const core = async () => (walletCore ??= await initWasm());

const unhex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const long = (text) => Long.fromString(String(text));

// A non-negative integer as the shortest big-endian bytes, as wallet-core wants its 256-bit numbers.
const big = (text) => {
  const digits = BigInt(text).toString(16);
  return unhex(digits.length % 2 ? `0${digits}` : digits);
};

const keyAt = (wasm, coin, mnemonic, path) =>
  wasm.HDWallet.createWithMnemonic(mnemonic, "").getKey(wasm.CoinType[coin], path);

const publicKeyOf = (wasm, coin, key) =>
  coin === "solana"
    ? key.getPublicKeyEd25519()
    : coin === "bitcoin"
      ? key.getPublicKeySecp256k1(true)
      : key.getPublicKeySecp256k1(false);

// Signs with wallet-core's AnySigner; `proto` names its protobuf package.
const sign = (wasm, proto, coin, input) => {
  const { SigningInput, SigningOutput } = TW[proto].Proto;
  const bytes = SigningInput.encode(SigningInput.create(input)).finish();
  const output = SigningOutput.decode(wasm.AnySigner.sign(bytes, wasm.CoinType[coin]));
  if (output.errorMessage) throw new Error(output.errorMessage);
  return output;
};

const signBitcoinV2 = (wasm, mnemonic, paths, hrp, what) => {
  const signingV2 = {
    privateKeys: paths.map((path) => keyAt(wasm, "bitcoin", mnemonic, path).data()),
    chainInfo: { p2pkhPrefix: 0, p2shPrefix: 5, hrp },
    dangerousUseFixedSchnorrRng: true,
    ...what,
  };
  const { signingResultV2: result } = sign(wasm, "Bitcoin", "bitcoin", { signingV2 });
  if (result.errorMessage) throw new Error(result.errorMessage);
  return { raw: hex(result.encoded), txid: hex(result.txid) };
};

const functions = {
  // coin: bitcoin, ethereum, tron or solana. derivation: bitcoinSegwit (default) or bitcoinTaproot.
  async address({ coin, mnemonic, path, derivation = "bitcoinSegwit" }) {
    const wasm = await core();
    const publicKey = publicKeyOf(wasm, coin, keyAt(wasm, coin, mnemonic, path));
    const type = wasm.CoinType[coin];
    const address =
      coin === "bitcoin"
        ? wasm.AnyAddress.createWithPublicKeyDerivation(
            publicKey, type, wasm.Derivation[derivation])
        : wasm.AnyAddress.createWithPublicKey(publicKey, type);
    return address.description();
  },

  // P2WPKH coins [{txid, index, amount, path, sequence?}] to one recipient and change, mainnet.
  async signBitcoin({ mnemonic, coins, to, amount, change, changeAddress }) {
    const wasm = await core();
    const keys = coins.map(({ path }) => keyAt(wasm, "bitcoin", mnemonic, path));
    const utxo = coins.map(({ txid, index, amount: value, sequence = 0xffffffff }, at) => ({
      outPoint: { hash: unhex(txid).reverse(), index, sequence },
      amount: long(value),
      script: wasm.BitcoinScript.lockScriptForAddress(
        wasm.AnyAddress.createWithPublicKey(
          keys[at].getPublicKeySecp256k1(true), wasm.CoinType.bitcoin).description(),
        wasm.CoinType.bitcoin).data(),
    }));
    const available = coins.reduce((sum, coin) => sum + BigInt(coin.amount), 0n);
    const output = sign(wasm, "Bitcoin", "bitcoin", {
      hashType: 1,
      amount: long(amount),
      byteFee: long(1),
      toAddress: to,
      changeAddress,
      coinType: 0,
      privateKey: keys.map((key) => key.data()),
      utxo,
      plan: {
        amount: long(amount),
        availableAmount: long(available),
        fee: long(available - BigInt(amount) - BigInt(change)),
        change: long(change),
        utxos: utxo,
      },
    });
    return { raw: hex(output.encoded), txid: output.transactionId };
  },

  // A PSBT of any bitcoin network, signed by the keys at `paths`. Schnorr without random nonces.
  async signPsbt({ mnemonic, paths, psbt, hrp }) {
    return signBitcoinV2(await core(), mnemonic, paths, hrp, { psbt: { psbt: unhex(psbt) } });
  },

  // The same from its parts: coins [{txid, index, amount, path, kind, sequence}] with kind p2wpkh or
  // p2trKeyPath, outputs [{address, amount}], in this order.
  async buildBitcoin({ mnemonic, coins, outputs, lockTime, hrp }) {
    const wasm = await core();
    const inputs = coins.map(({ txid, index, amount, path, kind, sequence }) => {
      const key = keyAt(wasm, "bitcoin", mnemonic, path).getPublicKeySecp256k1(true).data();
      return {
        outPoint: { hash: unhex(txid).reverse(), vout: index },
        value: long(amount),
        sighashType: kind === "p2trKeyPath" ? 0 : 1,
        sequence: { sequence },
        scriptBuilder: { [kind]: kind === "p2trKeyPath" ? key : { pubkey: key } },
      };
    });
    const builder = {
      version: 2,
      lockTime,
      inputs,
      outputs: outputs.map(({ address, amount }) => ({ toAddress: address, value: long(amount) })),
      inputSelector: 10, // all of them, in the given order
      feePerVb: long(1),
      fixedDustThreshold: long(294),
    };
    return signBitcoinV2(wasm, mnemonic, coins.map(({ path }) => path), hrp, { builder });
  },

  // Legacy (EIP-155) with gasPrice, else EIP-1559 with maxFee and maxPriorityFee. With a payee it is
  // an ERC-20 transfer of the token `to`.
  async signEthereum(tx) {
    const wasm = await core();
    const output = sign(wasm, "Ethereum", "ethereum", {
      chainId: big(tx.chainId),
      nonce: big(tx.nonce),
      gasLimit: big(tx.gasLimit),
      toAddress: tx.to,
      privateKey: keyAt(wasm, "ethereum", tx.mnemonic, tx.path).data(),
      transaction:
        tx.payee === undefined
          ? { transfer: { amount: big(tx.amount), data: unhex(tx.data ?? "") } }
          : { erc20Transfer: { to: tx.payee, amount: big(tx.amount) } },
      ...(tx.gasPrice === undefined
        ? {
            txMode: TW.Ethereum.Proto.TransactionMode.Enveloped,
            maxFeePerGas: big(tx.maxFee),
            maxInclusionFeePerGas: big(tx.maxPriorityFee),
          }
        : { txMode: TW.Ethereum.Proto.TransactionMode.Legacy, gasPrice: big(tx.gasPrice) }),
    });
    return { raw: hex(output.encoded) };
  },

  // block: {number, timestamp, txTrieRoot, parentHash, witnessAddress, version}, from which
  // wallet-core computes the reference itself.
  async signTron({ mnemonic, path, owner, to, amount, expiration, timestamp, block }) {
    const wasm = await core();
    const output = sign(wasm, "Tron", "tron", {
      privateKey: keyAt(wasm, "tron", mnemonic, path).data(),
      transaction: {
        timestamp: long(timestamp),
        expiration: long(expiration),
        blockHeader: {
          timestamp: long(block.timestamp),
          txTrieRoot: unhex(block.txTrieRoot),
          parentHash: unhex(block.parentHash),
          number: long(block.number),
          witnessAddress: unhex(block.witnessAddress),
          version: block.version,
        },
        transfer: { ownerAddress: owner, toAddress: to, amount: long(amount) },
      },
    });
    return {
      txid: hex(output.id),
      signature: hex(output.signature),
      referenceBytes: hex(output.refBlockBytes),
      referenceHash: hex(output.refBlockHash),
      rawData: JSON.parse(output.json).raw_data_hex,
    };
  },

  // A payment of a TRC-20 token by tronweb: its parameter encoder, then its protobuf.
  async tronwebToken({ owner, token, to, amount, feeLimit, expiration, timestamp, referenceBytes,
    referenceHash }) {
    const words = await utils.abi.encodeParamsV2ByABI(
      { type: "function", inputs: [{ type: "address" }, { type: "uint256" }] }, [to, amount]);
    const data = `a9059cbb${words.replace(/^0x/, "")}`;
    const address = (text) => utils.address.toHex(text);
    const message = utils.transaction.txJsonToPb({
      raw_data: {
        contract: [{
          parameter: {
            value: { owner_address: address(owner), contract_address: address(token), data },
            type_url: "type.googleapis.com/protocol.TriggerSmartContract",
          },
          type: "TriggerSmartContract",
        }],
        ref_block_bytes: referenceBytes,
        ref_block_hash: referenceHash,
        expiration: Number(expiration),
        timestamp: Number(timestamp),
        fee_limit: Number(feeLimit),
      },
    });
    return {
      rawData: hex(message.getRawData().serializeBinary()),
      txid: utils.transaction.txPbToTxID(message).replace(/^0x/, ""),
    };
  },

  // v0: a versioned message. unitPrice (micro-lamports) and unitLimit are optional, as is a durable
  // nonce account, whose value then stands in blockhash.
  async signSolana({ mnemonic, path, to, amount, blockhash, v0 = true, unitPrice, unitLimit,
    nonceAccount }) {
    const wasm = await core();
    const output = sign(wasm, "Solana", "solana", {
      privateKey: keyAt(wasm, "solana", mnemonic, path).data(),
      recentBlockhash: blockhash,
      v0Msg: v0,
      transferTransaction: { recipient: to, value: long(amount) },
      txEncoding: TW.Solana.Proto.Encoding.Base64,
      ...(nonceAccount && { nonceAccount }),
      ...(unitPrice && { priorityFeePrice: { price: long(unitPrice) } }),
      ...(unitLimit && { priorityFeeLimit: { limit: Number(unitLimit) } }),
    });
    return { raw: hex(Buffer.from(output.encoded, "base64")) };
  },

  // Where owner is paid in mint. program: token or token2022, here and below.
  splAssociated: ({ owner, mint, program }) => {
    const { spl, key, programs } = solana();
    return spl.getAssociatedTokenAddressSync(
      key(mint), key(owner), true, programs[program]).toBase58();
  },

  splCreateIdempotent: ({ payer, account, owner, mint, program }) => {
    const { spl, key, programs } = solana();
    return instruction(spl.createAssociatedTokenAccountIdempotentInstruction(
      key(payer), key(account), key(owner), key(mint), programs[program]));
  },

  // fee: what is withheld of amount; without one, TransferChecked.
  splTransfer: ({ account, mint, to, owner, amount, decimals, fee, program }) => {
    const { spl, key, programs } = solana();
    const accounts = [account, mint, to, owner].map(key);
    return instruction(fee === undefined
      ? spl.createTransferCheckedInstruction(
        ...accounts, BigInt(amount), decimals, [], programs[program])
      : spl.createTransferCheckedWithFeeInstruction(
        ...accounts, BigInt(amount), decimals, BigInt(fee), [], programs[program]));
  },

  splApprove: ({ account, mint, spender, owner, amount, decimals, program }) => {
    const { spl, key, programs } = solana();
    return instruction(spl.createApproveCheckedInstruction(
      ...[account, mint, spender, owner].map(key), BigInt(amount), decimals, [],
      programs[program]));
  },

  // Who signed, by ethers.
  verifyMessage: ({ text, signature }) => verifyMessage(text, signature),

  verifyTypedData: ({ domain, types, message, signature }) =>
    verifyTypedData(domain, types, message, signature),

  // Who signed, by tronweb (TIP-191, TIP-712).
  tronwebVerifyMessage: ({ text, signature }) => utils.message.verifyMessage(text, signature),

  tronwebTypedHash: ({ domain, types, message }) =>
    utils._TypedDataEncoder.hash(domain, types, message).slice(2),

  tronwebAddress: ({ privateKey }) => {
    const address = TronWeb.address.fromPrivateKey(privateKey);
    return { address, hex: TronWeb.address.toHex(address) };
  },

  // By tronweb's own BIP-39 and BIP-32.
  tronwebMnemonic: ({ mnemonic, path }) => TronWeb.fromMnemonic(mnemonic, path).address,

  tronwebIsAddress: ({ text }) => TronWeb.isAddress(text),

  // raw_data as tronweb serializes it, and its id.
  tronwebTransfer: ({ owner, to, amount, referenceBytes, referenceHash, expiration, timestamp }) => {
    const pb = utils.transaction.txJsonToPb({
      raw_data: {
        contract: [{
          type: "TransferContract",
          parameter: {
            type_url: "type.googleapis.com/protocol.TransferContract",
            value: {
              owner_address: TronWeb.address.toHex(owner),
              to_address: TronWeb.address.toHex(to),
              amount: Number(amount),
            },
          },
        }],
        ref_block_bytes: referenceBytes,
        ref_block_hash: referenceHash,
        expiration: Number(expiration),
        timestamp: Number(timestamp),
      },
    });
    return {
      rawData: utils.transaction.txPbToRawDataHex(pb).toLowerCase(),
      txid: utils.transaction.txPbToTxID(pb).replace(/^0x/, ""),
    };
  },

  // The digest of typed data (EIP-712): as ethers encodes it, and as wallet-core does.
  async typedDigest({ text }) {
    const { domain, types, primaryType, message } = JSON.parse(text);
    const { EIP712Domain: _, ...own } = types;
    const encoder = TypedDataEncoder.from(own);
    if (encoder.primaryType !== primaryType) throw new Error("another primary type");
    const { EthereumAbi } = await core();
    return {
      ethers: TypedDataEncoder.hash(domain, own, message).slice(2),
      walletCore: hex(EthereumAbi.encodeTyped(text)),
    };
  },

  tronwebRecover: ({ digest, signature }) =>
    TronWeb.address.fromHex(utils.crypto.ecRecover(digest, signature)),

  // What tronweb's own client makes of a node's answers.
  async tronwebBalance({ url, address }) {
    return String(await new TronWeb({ fullHost: url }).trx.getUnconfirmedBalance(address));
  },

  async tronwebBlock({ url, height }) {
    const block = await new TronWeb({ fullHost: url }).trx.getBlock(height);
    return { id: block.blockID, transactions: (block.transactions ?? []).map((tx) => tx.txID) };
  },

  // A call of a contract: built by the node, checked, signed, sent. `told`: types and values.
  async tronwebCall({ url, privateKey, contract, signature, told, value, feeLimit }) {
    const client = new TronWeb({ fullHost: url, privateKey });
    const owner = TronWeb.address.fromPrivateKey(privateKey);
    const options = { feeLimit: Number(feeLimit), callValue: Number(value ?? 0) };
    const { transaction } = await client.transactionBuilder.triggerSmartContract(
      contract, signature, options, told, owner);
    const sent = await client.trx.sendRawTransaction(await client.trx.sign(transaction));
    if (sent.result !== true) throw new Error(`refused: ${sent.code} ${sent.message}`);
    return sent.transaction.txID;
  },

  async tronwebTokenBalance({ url, token, owner }) {
    const client = new TronWeb({ fullHost: url });
    const answer = await client.transactionBuilder.triggerConstantContract(
      token, "balanceOf(address)", {}, [{ type: "address", value: owner }], owner);
    return String(BigInt("0x" + answer.constant_result[0]));
  },

  // Builds with tronweb (reference block and all, from the node), signs and sends.
  async tronwebSend({ url, privateKey, to, amount }) {
    const client = new TronWeb({ fullHost: url, privateKey });
    const built = await client.transactionBuilder.sendTrx(
      to, Number(amount), TronWeb.address.fromPrivateKey(privateKey));
    const signed = await client.trx.sign(built, privateKey);
    const raw = Buffer.concat([
      Buffer.from(`0a${varint(signed.raw_data_hex.length / 2)}${signed.raw_data_hex}`, "hex"),
      Buffer.from(`1241${signed.signature[0]}`, "hex"),
    ]);
    const answer = await client.trx.sendHexTransaction(hex(raw));
    return { txid: signed.txID, result: answer.result === true, code: answer.code };
  },
};

// Solana's own libraries, loaded when first asked: most who start an oracle ask others.
const solana = () => {
  const spl = require("@solana/spl-token");
  const { PublicKey } = require("@solana/web3.js");
  return {
    spl,
    key: (text) => new PublicKey(text),
    programs: { token: spl.TOKEN_PROGRAM_ID, token2022: spl.TOKEN_2022_PROGRAM_ID },
  };
};

// Accounts in their order, each with whether it signs and whether it is written.
const instruction = ({ programId, keys, data }) => ({
  program: programId.toBase58(),
  accounts: keys.map((meta) => [meta.pubkey.toBase58(), meta.isSigner, meta.isWritable]),
  data: hex(data),
});

const varint = (value) => {
  const bytes = [];
  for (; value > 127; value >>= 7) bytes.push((value & 127) | 128);
  return hex([...bytes, value]);
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, function: name, arguments: given } = JSON.parse(line);
  let answer;
  try {
    answer = { id, result: await functions[name](given) };
  } catch (error) {
    answer = { id, error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
