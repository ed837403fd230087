// Assembles the runtime in _build/runtime: Python and the pinned SymPy and mpmath, trimmed, compiled and compressed, and
// the editor. Needs Node, `npm ci`, and the .venv of the README's first line, whose SymPy and mpmath it takes.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { loadPyodide } from "pyodide";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "_build", "runtime");
const packages = findPackages();
const pyodideFolder = dirname(createRequire(import.meta.url).resolve("pyodide/package.json"));

/** Where .venv keeps its packages: lib/python3.x/site-packages, or on Windows Lib/site-packages. */
function findPackages() {
  const lib = join(here, "..", ".venv", "lib");
  const folders = existsSync(lib) ? [".", ...readdirSync(lib)].map((name) => join(lib, name, "site-packages")) : [];
  const found = folders.find((folder) => existsSync(join(folder, "sympy")));
  if (!found) throw new Error("SymPy is not in .venv: run the first command of the README before this one");
  return found;
}

/** Write a file under a name that tells its content, and say what it is. */
function keep(name, data) {
  const sha256 = createHash("sha256").update(data).digest("hex");
  const [stem, ...rest] = name.split(".");
  const file = [`${stem}-${sha256.slice(0, 12)}`, ...rest].join(".");
  writeFileSync(join(out, file), data);
  return { name: file, bytes: data.length, sha256 };
}

// not named .gz, which some servers announce as an encoding, so that the browser unpacks it before we do
const compress = (name, data) => keep(`${name}.bin`, gzipSync(data, { level: 9 }));

async function python() {
  const pyodide = await loadPyodide();
  pyodide.mountNodeFS("/packages", packages);
  pyodide.runPython(readFileSync(join(here, "pack.py"), "utf8"));
  return pyodide.FS.readFile(pyodide.runPython("pack()"));
}

/** A script with all that it imports, and its style. */
async function bundle(entry, options) {
  const made = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    outdir: out,
    loader: { ".py": "text" },
    logLevel: "error",
    ...options,
  });
  return Object.fromEntries(made.outputFiles.map(({ path, contents }) => [extname(path).slice(1), contents]));
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
// not a module: in a frame without an origin, Chromium starts no worker that is one
const worker = await bundle("worker.js", {
  format: "iife",
  external: ["node:*", "ws"],
  define: { "import.meta.url": "''" },
});
const files = {
  worker: compress("worker", worker.js),
  wasm: compress("python", readFileSync(join(pyodideFolder, "pyodide.asm.wasm"))),
  python: compress("packages", await python()),
};
const { js, css } = await bundle("page.js", { format: "esm", define: { FILES: JSON.stringify(files) } });
const page = { script: keep("page.js", js), style: keep("page.css", css) };
copyFileSync(join(here, "try-it.js"), join(out, "try-it.js"));
const pins = readdirSync(packages).map((name) => /^(sympy|mpmath)-(.*)\.dist-info$/.exec(name)?.slice(1));
const versions = Object.fromEntries(pins.filter(Boolean));
writeFileSync(join(out, "runtime.json"), `${JSON.stringify({ versions, files: { ...page, ...files } }, null, 1)}\n`);
const total = Object.values({ ...page, ...files }).reduce((sum, { bytes }) => sum + bytes, 0);
console.log(`The runtime is in _build/runtime: ${(total / 1e6).toFixed(1)} MB`);
