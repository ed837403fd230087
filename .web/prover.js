// Fetches the runtime, once, and runs Python in a worker inside a frame that may neither ask the network nor store a thing.
/* global FILES */

const FRAME = `<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:">
<script>
  onmessage = ({ data, ports }) => {
    const code = URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" }));
    new Worker(code).postMessage(data, [...ports, data.wasm, data.python, data.lossmath]);
  };
</script>`;
const TOTAL = Object.values(FILES).reduce((sum, { bytes }) => sum + bytes, 0);

/** Where the browser keeps the runtime, if it does: some have no such place, or not in every window. */
const openCache = () => globalThis.caches?.open("lossmath").catch(() => undefined);

/** The content of a file of the runtime: from the browser's cache, or from the site, and then compared with its checksum. */
async function fetchFile({ name, sha256 }, base, report) {
  const address = new URL(name, base);
  const cache = await openCache();
  const kept = await cache?.match(address);
  const response = kept ?? (await fetch(address));
  if (!response.ok) throw new Error(`${address} answers ${response.status}`);
  const parts = [];
  const reader = response.body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    parts.push(value);
    report(value.length);
  }
  const content = await new Blob(parts).arrayBuffer();
  if (kept) return content;
  if (globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (found !== sha256) throw new Error(`${address} is not the file that this page was built with`);
  }
  await cache?.put(address, new Response(content)).catch(() => {}); // if there is room
  return content;
}

/** All of the runtime; what an earlier build left in the cache is dropped. */
async function fetchRuntime(lossmath, base, say) {
  const files = { ...FILES, lossmath };
  let bytes = 0;
  const report = (more) => {
    bytes += more;
    say(`Loading the prover: ${(bytes / 1e6).toFixed(1)} of ${(TOTAL / 1e6).toFixed(1)} MB`);
  };
  const contents = await Promise.all(Object.values(files).map((file) => fetchFile(file, base, report)));
  const wanted = new Set(Object.values(files).map(({ name }) => new URL(name, base).href));
  const cache = await openCache();
  for (const { url } of (await cache?.keys()) ?? []) if (!wanted.has(url)) await cache.delete(url);
  return Object.fromEntries(Object.keys(files).map((name, number) => [name, contents[number]]));
}

/** One Python for all cells of the page. It starts when it is first needed, and again after it was stopped. */
export class Prover {
  constructor(lossmath, base) {
    Object.assign(this, { lossmath, base, say: () => {} });
  }

  start() {
    this.started ??= new Promise((resolve, reject) => {
      this.giveUp = reject;
      this.begin(document.createElement("iframe")).then(resolve, reject);
    }).catch((error) => {
      this.stop();
      throw error;
    });
    return this.started;
  }

  async begin(frame) {
    this.frame = frame;
    const data = await fetchRuntime(this.lossmath, this.base, (text) => this.say(text));
    const unpacked = new Blob([data.worker]).stream().pipeThrough(new DecompressionStream("gzip"));
    data.worker = await new Response(unpacked).text();
    if (this.frame !== frame) return; // stopped meanwhile
    this.say("Starting Python");
    frame.setAttribute("sandbox", "allow-scripts"); // without an origin, so without anything stored
    Object.assign(frame, { hidden: true, srcdoc: FRAME, title: "The prover" });
    await new Promise((resolve) => {
      frame.onload = resolve;
      document.body.append(frame);
    });
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    frame.contentWindow.postMessage(data, "*", [port2, data.wasm, data.python, data.lossmath]);
    await this.answer();
    this.say("");
  }

  /** Hear what the worker shows, until it is done. */
  answer(hear) {
    return new Promise((resolve, reject) => {
      this.giveUp = reject;
      this.port.onmessage = ({ data }) => {
        if (data.form === "broken") reject(new Error(data.text));
        else if (data.form === "done") resolve(data);
        else hear(data);
      };
    });
  }

  async run(code, hear) {
    await this.start();
    this.say("Running");
    this.port.postMessage(code);
    return this.answer(hear);
  }

  /** End the worker, whatever it is doing. */
  stop() {
    this.frame?.remove();
    this.giveUp?.(new Error("Stopped"));
    Object.assign(this, { started: undefined, frame: undefined, port: undefined });
  }
}
