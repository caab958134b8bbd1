// A vault of the house as a wallet of this page: an EIP-1193 provider, announced as EIP-6963 says.
//
//   <script src="https://CUSTODY/v1/provider.js" data-name="Treasury" data-urls='{"0x1": "https://CUSTODY/v1/rpc/cu_…"}'></script>
//
// or, in a program: custodyProvider({urls: {"0x1": "https://…"}, name: "Treasury"}). One URL for each
// chain; the first is the one that the page starts with. No key and no decision is here: each request
// goes to the house, and its answer to the page.
"use strict";
(() => {
  const scope = globalThis;
  const ICON =
    "data:image/svg+xml," +
    encodeURIComponent(
      '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" rx="20" fill="#123"/>' +
        '<circle cx="48" cy="48" r="24" fill="none" stroke="#fff" stroke-width="8"/><path d="M48 48v12" stroke="#fff" stroke-width="8"/></svg>',
    );

  class ProviderRpcError extends Error {
    constructor(code, message, data) {
      super(message);
      this.name = "ProviderRpcError";
      this.code = code;
      if (data !== undefined) this.data = data;
    }
  }

  class CustodyProvider {
    #urls;
    #chain;
    #listeners = new Map();
    #number = 0;
    #socket = null;
    #asked = new Map();
    #fetch;
    #WebSocket;

    constructor({ urls, fetch, WebSocket }) {
      this.#urls = new Map(Object.entries(urls).map(([chain, url]) => [chainOf(chain), String(url)]));
      if (this.#urls.size === 0) throw new TypeError("urls: at least one chain");
      this.#chain = this.#urls.keys().next().value;
      this.#fetch = fetch ?? ((...all) => scope.fetch(...all));
      this.#WebSocket = WebSocket ?? scope.WebSocket;
    }

    async request(asked) {
      if (asked === null || typeof asked !== "object" || typeof asked.method !== "string")
        throw new ProviderRpcError(-32602, "a request has a method");
      const { method, params } = asked;
      if (method === "eth_chainId") return this.#chain;
      if (method === "wallet_switchEthereumChain") return this.#switch(params);
      if (method === "eth_subscribe" || method === "eth_unsubscribe") return this.#tell(method, params);
      return this.#post(method, params);
    }

    on(event, listener) {
      if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
      this.#listeners.get(event).add(listener);
      return this;
    }

    removeListener(event, listener) {
      this.#listeners.get(event)?.delete(listener);
      return this;
    }

    #emit(event, value) {
      for (const listener of [...(this.#listeners.get(event) ?? [])]) {
        try {
          listener(value);
        } catch (error) {
          scope.setTimeout?.(() => {
            throw error;
          }, 0);
        }
      }
    }

    #message(method, params) {
      this.#number += 1;
      return { jsonrpc: "2.0", id: this.#number, method, params: params ?? [] };
    }

    async #post(method, params) {
      let answer;
      try {
        const response = await this.#fetch(this.#urls.get(this.#chain), {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(this.#message(method, params)),
          credentials: "omit",
          referrerPolicy: "no-referrer",
        });
        if (response.status === 401 || response.status === 403)
          throw new ProviderRpcError(4100, "this page may not ask here");
        answer = await response.json();
      } catch (error) {
        if (error instanceof ProviderRpcError) throw error;
        throw new ProviderRpcError(4900, "no answer; ask again, nothing is done twice");
      }
      return resultOf(answer);
    }

    #switch(params) {
      let chain;
      try {
        chain = chainOf(params[0].chainId);
      } catch {
        throw new ProviderRpcError(-32602, "chainId is 0x and hexadecimal digits");
      }
      if (!this.#urls.has(chain)) throw new ProviderRpcError(4902, `chain ${chain} is not configured`);
      if (chain !== this.#chain) {
        this.#chain = chain;
        this.#socket?.close();
        this.#socket = null;
        this.#emit("chainChanged", chain);
      }
      return null;
    }

    async #tell(method, params) {
      const socket = await this.#connected();
      const message = this.#message(method, params);
      return new Promise((resolve, reject) => {
        this.#asked.set(message.id, { resolve, reject });
        socket.send(JSON.stringify(message));
      });
    }

    #connected() {
      if (this.#socket !== null && this.#socket.readyState <= 1) return this.#socket.ready;
      const socket = new this.#WebSocket(this.#urls.get(this.#chain).replace(/^http/, "ws"));
      const lost = new ProviderRpcError(4900, "the connection ended");
      socket.ready = new Promise((resolve, reject) => {
        socket.onopen = () => resolve(socket);
        socket.onclose = () => {
          reject(lost);
          for (const { reject: refuse } of this.#asked.values()) refuse(lost);
          this.#asked.clear();
          if (this.#socket === socket) {
            this.#socket = null;
            this.#emit("disconnect", lost);
          }
        };
      });
      socket.onmessage = ({ data }) => this.#heard(JSON.parse(data));
      this.#socket = socket;
      return socket.ready;
    }

    #heard(message) {
      if (message.method === "eth_subscription") {
        this.#emit("message", { type: message.method, data: message.params });
        return;
      }
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      try {
        asked?.resolve(resultOf(message));
      } catch (error) {
        asked?.reject(error);
      }
    }
  }

  function resultOf(answer) {
    if (answer?.error)
      throw new ProviderRpcError(answer.error.code, answer.error.message, answer.error.data);
    if (answer === null || typeof answer !== "object" || !("result" in answer))
      throw new ProviderRpcError(-32603, "an answer that is none");
    return answer.result;
  }

  function chainOf(spelled) {
    return "0x" + BigInt(spelled).toString(16);
  }

  function custodyProvider(options) {
    return new CustodyProvider(options);
  }

  function announce(provider, name) {
    const info = Object.freeze({
      uuid: scope.crypto.randomUUID(),
      name: name || "Custody",
      icon: ICON,
      rdns: "org.custody.vault",
    });
    const detail = Object.freeze({ info, provider });
    const say = () => scope.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    scope.addEventListener("eip6963:requestProvider", say);
    say();
  }

  scope.custodyProvider = custodyProvider;
  scope.announceCustody = (options) => {
    const provider = custodyProvider(options);
    announce(provider, options.name);
    return provider;
  };
  const own = scope.document?.currentScript?.dataset;
  if (own?.urls) scope.announceCustody({ urls: JSON.parse(own.urls), name: own.name });
})();
