// Shows the OpenAPI document and sends requests to the server that served this page, no other.
// All text goes into the page as text, never as HTML.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// `code` and **bold** are all the markup that our descriptions use.
function prose(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return element("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return element("strong", {}, part.slice(2, -2));
    return document.createTextNode(part);
  });
}

function paragraphs(text) {
  return text.split(/\n\s*\n/).map((block) => {
    const points = block.split(/^\* /m);
    if (points.length === 1) return element("p", {}, ...prose(block));
    return element("ul", {}, ...points.slice(1).map((point) => element("li", {}, ...prose(point))));
  });
}

function pretty(value) {
  return JSON.stringify(value, null, 2);
}

function exampleOf(holder) {
  const content = holder?.content ?? {};
  return Object.values(content)[0]?.example;
}

function parameterField(parameter) {
  const input = element("input", {
    placeholder: String(parameter.example ?? parameter.schema?.examples?.[0] ?? ""),
    spellcheck: false,
    "aria-label": parameter.name,
  });
  const note = parameter.description ?? parameter.schema?.description ?? "";
  const title = `${parameter.name}${parameter.required ? " (required)" : ""}`;
  const label = element("span", {}, element("code", {}, title), element("small", {}, `in ${parameter.in}`));
  const right = element("span", {}, input, element("small", {}, ...prose(note)));
  return { parameter, input, row: element("div", { class: "field" }, label, right) };
}

function requestFor(path, method, fields, body) {
  const headers = {};
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, input } of fields) {
    const value = input.value.trim();
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (parameter.in === "query") query.append(parameter.name, value);
    else headers[parameter.name] = value;
  }
  const key = document.getElementById("key").value.trim();
  if (key !== "") headers.Authorization = `Bearer ${key}`;
  if (body !== null) headers["Content-Type"] = "application/json";
  const search = query.toString();
  return {
    url: search === "" ? target : `${target}?${search}`,
    options: { method: method.toUpperCase(), headers, body: body === null ? undefined : body.value },
  };
}

function curlOf({ url, options }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -X ${options.method} ${quoted(location.origin + url)}`];
  for (const [name, value] of Object.entries(options.headers)) {
    lines.push(`  -H ${name === "Authorization" ? '"Authorization: Bearer $CUSTODY_KEY"' : quoted(`${name}: ${value}`)}`);
  }
  if (options.body !== undefined) lines.push(`  -d ${quoted(options.body)}`);
  return lines.join(" \\\n");
}

async function send(request, output) {
  output.textContent = "…";
  try {
    const answer = await fetch(request.url, { ...request.options, credentials: "omit" });
    const text = await answer.text();
    let shown = text;
    try {
      shown = pretty(JSON.parse(text));
    } catch {
      // Not JSON: shown as it came.
    }
    output.textContent = `${answer.status} ${answer.statusText}\n\n${shown}`;
  } catch (error) {
    output.textContent = `No answer: ${error.message}`;
  }
}

function responsesOf(operation) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const example = exampleOf(response);
    return element(
      "details",
      {},
      element("summary", {}, `${status} ${response.description}`),
      example === undefined ? null : element("pre", {}, pretty(example)),
    );
  });
}

function operationView(path, method, operation) {
  const fields = (operation.parameters ?? []).map(parameterField);
  const bodyExample = exampleOf(operation.requestBody);
  const body = bodyExample === undefined ? null : element("textarea", { value: pretty(bodyExample), "aria-label": "body" });
  const curl = element("pre");
  const output = element("pre");
  const button = element("button", { type: "button" }, "Send");
  button.addEventListener("click", () => {
    const request = requestFor(path, method, fields, body);
    curl.textContent = curlOf(request);
    send(request, output);
  });
  const heading = element(
    "summary",
    {},
    element("span", { class: `method ${method}` }, method.toUpperCase()),
    element("code", { class: "path" }, path),
    element("span", { class: "summary" }, operation.summary ?? ""),
  );
  const inside = element(
    "div",
    {},
    ...paragraphs(operation.description ?? ""),
    ...fields.map((field) => field.row),
    body === null ? null : element("h4", {}, "Body"),
    body,
    button,
    curl,
    output,
    element("h4", {}, "Answers"),
    ...responsesOf(operation),
  );
  return element("details", { class: "operation", id: operation.operationId }, heading, inside);
}

function show(api) {
  document.title = `${api.info.title} API`;
  document.getElementById("title").textContent = `${api.info.title} API ${api.info.version}`;
  document.getElementById("introduction").append(...paragraphs(api.info.description));
  const sections = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => name in operations)) {
      const operation = operations[method];
      const tag = operation.tags?.[0] ?? "other";
      if (!sections.has(tag)) sections.set(tag, []);
      sections.get(tag).push([path, method, operation]);
    }
  }
  for (const [tag, entries] of sections) {
    const links = entries.map(([, , operation]) =>
      element("a", { href: `#${operation.operationId}` }, operation.summary),
    );
    document.getElementById("contents").append(element("h2", {}, tag), ...links);
    document.getElementById("operations").append(
      element("h2", { class: "tag" }, tag),
      ...entries.map((entry) => operationView(...entry)),
    );
  }
  openLinked();
}

function openLinked() {
  const linked = document.getElementById(location.hash.slice(1));
  if (linked instanceof HTMLDetailsElement) {
    linked.open = true;
    linked.scrollIntoView();
  }
}

window.addEventListener("hashchange", openLinked);
const answer = await fetch("/openapi.json", { credentials: "omit" });
show(await answer.json());
