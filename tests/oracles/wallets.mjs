// Programs as people write them, with the vault for a wallet: viem and ethers, unchanged.
//
//   node wallets.mjs PROGRAM '{"url": "http://…", …}'
//
// Prints one JSON document: what came of it, or {"error": {code, message, data}}.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { ethers } from "ethers";
import * as viem from "viem";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // Node 20 has none
const [, , program, given] = process.argv;
const asked = JSON.parse(given);
const abi = [
  {
    type: "function",
    name: "transfer",
    stateMutability: "nonpayable",
    inputs: [
      { name: "to", type: "address" },
      { name: "value", type: "uint256" },
    ],
    outputs: [{ type: "bool" }],
  },
  {
    type: "event",
    name: "Transfer",
    inputs: [
      { name: "from", type: "address", indexed: true },
      { name: "to", type: "address", indexed: true },
      { name: "value", type: "uint256", indexed: false },
    ],
  },
];
const chain = viem.defineChain({
  id: 31337,
  name: "local",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [asked.url] } },
});
const headers = asked.key ? { Authorization: `Bearer ${asked.key}` } : {};

function viemClient(transport) {
  return viem.createWalletClient({ chain, transport }).extend(viem.publicActions);
}

async function viemPays(client) {
  const [account] = await client.getAddresses();
  const hashes = [await client.sendTransaction({ account, to: asked.to, value: BigInt(asked.value) })];
  if (asked.token)
    hashes.push(
      await client.writeContract({
        account,
        address: asked.token,
        abi,
        functionName: "transfer",
        args: [asked.to, BigInt(asked.units)],
      }),
    );
  const receipts = [];
  for (const hash of hashes) receipts.push(await client.waitForTransactionReceipt({ hash, pollingInterval: 100 }));
  return { account, hashes, statuses: receipts.map((each) => each.status) };
}

async function ethersPays(provider) {
  const signer = await provider.getSigner();
  const sent = [await signer.sendTransaction({ to: asked.to, value: BigInt(asked.value) })];
  if (asked.token) {
    const contract = new ethers.Contract(asked.token, ["function transfer(address,uint256) returns (bool)"], signer);
    sent.push(await contract.transfer(asked.to, BigInt(asked.units)));
  }
  const receipts = [];
  for (const each of sent) receipts.push(await each.wait());
  return {
    account: await signer.getAddress(),
    hashes: sent.map((each) => each.hash),
    statuses: receipts.map((each) => (each.status === 1 ? "success" : "reverted")),
  };
}

// Calls of contracts, one after the other: each hash, and how it ended.
async function viemCalls(client) {
  const [account] = await client.getAddresses();
  const hashes = [];
  const statuses = [];
  for (const { to, fragment, args, value } of asked.calls) {
    const said = { account, address: to, abi: [fragment], functionName: fragment.name, args: args.map(numbers) };
    const hash = await client.writeContract({ ...said, value: BigInt(value ?? 0) });
    hashes.push(hash);
    statuses.push((await client.waitForTransactionReceipt({ hash, pollingInterval: 100 })).status);
  }
  return { account, hashes, statuses };
}

function numbers(value) {
  if (Array.isArray(value)) return value.map(numbers);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, numbers(each)]));
  return typeof value === "string" && /^[0-9]+$/.test(value) ? BigInt(value) : value;
}

// A text or login and typed data as they were given: each one's signature, or why there is none.
async function viemSigns(client) {
  const [account] = await client.getAddresses();
  const signatures = [];
  for (const message of asked.texts ?? []) signatures.push(await client.signMessage({ account, message }));
  for (const document of asked.documents ?? []) signatures.push(await client.signTypedData({ account, ...document }));
  return { account, signatures };
}

async function ethersSigns(provider) {
  const signer = await provider.getSigner();
  const signatures = [];
  for (const message of asked.texts ?? []) signatures.push(await signer.signMessage(message));
  for (const { domain, types, message } of asked.documents ?? [])
    signatures.push(await signer.signTypedData(domain, types, message));
  return { account: await signer.getAddress(), signatures };
}

function ethersProvider() {
  const request = new ethers.FetchRequest(asked.url);
  for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
  return new ethers.JsonRpcProvider(request, 31337, { staticNetwork: true, pollingInterval: 100 });
}

// The script as a page loads it: a window with events, and nothing of Node's.
function page() {
  const window = new EventTarget();
  Object.assign(window, {
    fetch: (url, options) => fetch(url, { ...options, headers: { ...options.headers, Origin: asked.origin } }),
    WebSocket: class extends WebSocket {
      constructor(url) {
        super(url, { headers: { Origin: asked.origin } });
      }
    },
    crypto: globalThis.crypto,
    CustomEvent,
    setTimeout,
    document: { currentScript: { dataset: { name: "Treasury", urls: JSON.stringify({ "0x7a69": asked.url }) } } },
  });
  const found = [];
  window.addEventListener("eip6963:announceProvider", (event) => found.push(event.detail));
  const context = vm.createContext(window);
  vm.runInContext(readFileSync(asked.script, "utf8"), context);
  return { window, found };
}

const programs = {
  viem: () => viemPays(viemClient(viem.http(asked.url, { fetchOptions: { headers } }))),
  // One request as it is, so that its answer can be looked at.
  async once() {
    const client = viemClient(viem.http(asked.url, { fetchOptions: { headers }, retryCount: 0 }));
    const [account] = await client.getAddresses();
    return { hash: await client.sendTransaction({ account, to: asked.to, value: BigInt(asked.value) }) };
  },
  ethers: () => ethersPays(ethersProvider()),
  viemCalls: () => viemCalls(viemClient(viem.http(asked.url, { fetchOptions: { headers } }))),
  viemSigns: () => viemSigns(viemClient(viem.http(asked.url, { fetchOptions: { headers }, retryCount: 0 }))),
  ethersSigns: () => ethersSigns(ethersProvider()),
  async page() {
    const { window, found } = page();
    window.dispatchEvent(new CustomEvent("eip6963:requestProvider"));
    const { info, provider } = found[0];
    const byEthers = await ethersPays(new ethers.BrowserProvider(provider, 31337, { pollingInterval: 100 }));
    const byViem = await viemPays(viemClient(viem.custom(provider)));
    const refused = await provider
      .request({ method: "eth_sign", params: [] })
      .then(() => null)
      .catch((error) => error.code);
    return { times: found.length, info: { ...info, icon: info.icon.slice(0, 19) }, byEthers, byViem, refused };
  },
  // Tells what it hears of a token's payments and of new blocks, until it has heard enough.
  async listens() {
    const client = viem.createPublicClient({ chain, transport: viem.webSocket(asked.url) });
    const blocks = [];
    const paid = await new Promise((resolve, reject) => {
      client.watchBlocks({ onBlock: (block) => blocks.push(Number(block.number)), onError: reject });
      client.watchContractEvent({
        address: asked.token,
        abi,
        eventName: "Transfer",
        args: { to: asked.to },
        onLogs: ([log]) => resolve(log.args.value.toString()),
        onError: reject,
      });
      console.error("listening");
    });
    while (blocks.length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
    return { paid, blocks };
  },
};

function told(error) {
  const found = { code: null, message: String(error), data: null };
  for (let each = error; each; each = each.cause ?? each.error ?? each.info?.error) {
    if (typeof each.code === "number") Object.assign(found, { code: each.code, message: each.message });
    found.data = each.data ?? found.data;
  }
  return found;
}

const answer = await programs[program]().catch((error) => ({ error: told(error) }));
console.log(JSON.stringify(answer));
process.exit(0);
