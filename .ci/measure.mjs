// Measure the built site, and hold it against its goals:
//
//     npm install --prefix .ci && node .ci/measure.mjs [page ...]
//
// A local server sends `_build/html` (or the folder that SITE names) compressed. Lighthouse loads each page three times as
// a desktop and three times as a phone, and the medians count; axe-core looks at it in light and in dark. Prints a table,
// and exits with 1 where a goal is missed. Times waver with the machine: let it do nothing else meanwhile. Lengths are
// those of Liberation's fonts (Debian's fonts-liberation), which are as wide as Arial; others make a page longer.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import lighthouse, { desktopConfig } from "lighthouse";
import { launch } from "puppeteer-core";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SITE = process.env.SITE ?? join(ROOT, "_build", "html");
const RUNS = Number(process.env.RUNS ?? 3);
const TYPES = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".json": "application/json",
  ".png": "image/png", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const PACKED = new Set([".woff2", ".png"]);
const atLeast = (goal) => [`≥ ${goal}`, (value) => value >= goal];
const atMost = (goal) => [`≤ ${goal}`, (value) => value <= goal];
const GOALS = {
  "desktop": atLeast(98), "a11y": atLeast(100), "practices": atLeast(100), "SEO": atLeast(100),
  "mobile": atLeast(85), "a11y m": atLeast(100), "practices m": atLeast(100), "SEO m": atLeast(100),
  "KB": atMost(350), "shift": atMost(0.02), "shift m": atMost(0.02), "TBT m": atMost(100),
  "axe": atMost(0), "errors": atMost(0), "elsewhere": atMost(0), "px at 1200": atMost(14000), // folded; of the focal chapter
};

const server = createServer(async (request, response) => {
  const path = join(SITE, decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  const body = await readFile(path).catch(() => null);
  if (body === null) return response.writeHead(404).end();
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const packed = PACKED.has(extname(path));
  response.writeHead(200, { "Content-Type": type, ...(packed ? {} : { "Content-Encoding": "gzip" }) });
  response.end(packed ? body : gzipSync(body));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const address = `http://127.0.0.1:${server.address().port}`;
const browser = await launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function audit(url, config) {
  const found = [];
  for (let run = 0; run < RUNS; run++) {
    const { lhr } = await lighthouse(url, { port: new URL(browser.wsEndpoint()).port, logLevel: "silent" }, config);
    const score = (category) => Math.round(100 * lhr.categories[category].score);
    const value = (audit) => lhr.audits[audit].numericValue;
    found.push([score("performance"), score("accessibility"), score("best-practices"), score("seo"),
      value("total-byte-weight") / 1000, value("cumulative-layout-shift"), value("total-blocking-time")]);
    if (process.env.WHY) for (const audit of Object.values(lhr.audits))
      if (audit.score !== null && audit.score < 0.9) console.log("   ", audit.id, audit.score, audit.displayValue ?? "");
  }
  return found[0].map((_, column) => median(found.map((row) => row[column])));
}

async function look(url, row) {
  for (const scheme of ["light", "dark"]) {
    const page = await browser.newPage();
    await page.setViewport({ width: 1200, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    page.on("console", (said) => { if (said.type() === "error") row["errors"]++; });
    page.on("pageerror", () => row["errors"]++);
    page.on("request", (asked) => { if (!/^(data|blob):/.test(asked.url()) && !asked.url().startsWith(address)) row["elsewhere"]++; });
    await page.goto(url, { waitUntil: "networkidle0" });
    row["px at 1200"] = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.evaluate(axe.source);
    for (const fault of (await page.evaluate(() => window.axe.run())).violations) {
      row["axe"] += fault.nodes.length;
      console.log(`${url} (${scheme}): ${fault.id}: ${fault.nodes.map((node) => node.target).slice(0, 3).join("; ")}`);
    }
    await page.close();
  }
}

const toc = await readFile(join(ROOT, "_toc.yml"), "utf-8");
const asked = process.argv.slice(2);
const pages = [...toc.matchAll(/(?:root|file): (\S+)/g)].map((match) => match[1])
  .filter((page) => asked.length === 0 || asked.some((name) => page.endsWith(name)));
const cell = (value) => String(value).padStart(11);
const line = (name, values) => console.log(name.padEnd(22) + values.map(cell).join(""));
let missed = 0;
line("", Object.keys(GOALS));
line("goal", Object.values(GOALS).map(([goal]) => goal));
for (const page of pages) {
  const url = `${address}/${page}.html`;
  const row = { "axe": 0, "errors": 0, "elsewhere": 0 };
  await look(url, row);
  [row["desktop"], row["a11y"], row["practices"], row["SEO"], row["KB"], row["shift"]] = await audit(url, desktopConfig);
  [row["mobile"], row["a11y m"], row["practices m"], row["SEO m"], , row["shift m"], row["TBT m"]] = await audit(url);
  line(page, Object.entries(GOALS).map(([name, [, holds]]) => {
    const reached = holds(row[name]) || (name === "px at 1200" && page !== "book/focal_loss");
    missed += !reached;
    return `${Number(row[name].toFixed(3))}${reached ? " " : "!"}`;
  }));
}
console.log(missed ? `${missed} goals missed, marked with !` : "Every goal is reached.");
await browser.close();
server.close();
process.exit(missed ? 1 : 0);
