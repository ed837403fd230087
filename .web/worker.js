// The prover: Python, SymPy and lossmath in a worker. The frame that starts it forbids it every request.
import { loadPyodide } from "pyodide";
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { info } from "pyodide/pyodide-lock.json";
import driver from "./run.py";

async function start({ wasm, python, lossmath }) {
  const files = { "pyodide.asm.wasm": [wasm, "application/wasm"], "python_stdlib.zip": [python, "application/zip"] };
  const { fetch } = globalThis;
  globalThis.fetch = async (url) => {
    const [data, type] = files[new URL(url).pathname.slice(1)];
    const unpacked = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(unpacked, { headers: { "Content-Type": type } });
  };
  const pyodide = await loadPyodide({
    createPyodideModule,
    indexURL: "https://runtime.invalid/", // no such place: what is asked for there was handed over above
    lockFileContents: { info, packages: {} },
    env: { SYMPY_CACHE_SIZE: "20000", PYTHONHASHSEED: "0" }, // as when the book is built
  });
  globalThis.fetch = fetch;
  pyodide.FS.writeFile("/lossmath.zip", new Uint8Array(lossmath));
  pyodide.runPython('import sys, gc; sys.path.insert(0, "/lossmath.zip"); gc.set_threshold(100_000, 20, 20)');
  pyodide.runPython("import lossmath.claims");
  pyodide.runPython(driver);
  return pyodide;
}

async function serve({ data, ports: [port] }) {
  const say = (form, text) => port.postMessage({ form, text });
  try {
    const pyodide = await start(data);
    pyodide.setStdout({ batched: (text) => say("print", text) });
    pyodide.setStderr({ batched: (text) => say("print", text) });
    const run = pyodide.globals.get("run");
    port.onmessage = ({ data: code }) => port.postMessage({ form: "done", ...JSON.parse(run(code, say)) });
    port.postMessage({ form: "done" });
  } catch (error) {
    say("broken", String(error));
  }
}

addEventListener("message", serve);
