// The little Markdown that lossmath's results are written in, as elements of the page. Text stays text: no HTML gets in.
import temml from "temml";

/** An element with children; strings among them become text. */
export function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

const TALL = "mfrac, mroot, msqrt, mtable, munder, munderover";

/** A formula as book/_ext/typeset.py makes it: its style is the page's, and parentheses grow around what is high only. */
function formula(tex, displayMode) {
  const made = element(displayMode ? "div" : "span", { className: "math" });
  temml.render(tex, made, { displayMode, annotate: true, throwOnError: false });
  for (const row of made.querySelectorAll("mrow"))
    if (!row.querySelector(TALL) && !/[∑∏∫]/.test(row.textContent))
      for (const sign of row.querySelectorAll(":scope > mo")) sign.setAttribute("stretchy", "false");
  return made;
}

const INLINE = /\$([^$]+)\$|\*\*(.+?)\*\*|`([^`]+)`/g;

/** A line of text with formulas, bold and code in it. */
function inline(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [all, tex, bold, code] = match;
    found.push(text.slice(end, match.index));
    if (tex) found.push(formula(tex, false));
    else found.push(bold ? element("strong", {}, ...inline(bold)) : element("code", {}, code));
    end = match.index + all.length;
  }
  return [...found, text.slice(end)];
}

function table(lines) {
  const cells = (line) => line.split("|").slice(1, -1);
  const row = (line, tag) => element("tr", {}, ...cells(line).map((cell) => element(tag, {}, ...inline(cell.trim()))));
  const [head, , ...body] = lines;
  const rows = element("tbody", {}, ...body.map((line) => row(line, "td")));
  return element("table", { className: "table" }, element("thead", {}, row(head, "th")), rows);
}

function block(text) {
  const lines = text.split("\n");
  const display = /^\$\$(.*)\$\$$/s.exec(text);
  if (display) return formula(display[1], true);
  if (lines.every((line) => line.startsWith("|"))) return table(lines);
  if (lines.every((line) => line.startsWith("- ")))
    return element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2)))));
  return element("p", {}, ...inline(text));
}

const BLOCKS =
  /<details[^>]*>\s*<summary>(.*?)<\/summary>(.*?)<\/details>|\$\$.*?\$\$|(?:(?!\$\$|<details|\n\s*\n).)+/gs;

/** Blocks of Markdown: displayed formulas, lists, tables, paragraphs, and details with such blocks in them. */
export function typeset(text) {
  return [...text.matchAll(BLOCKS)]
    .filter(([all]) => all.trim())
    .map(([all, summary, inner]) =>
      inner === undefined
        ? block(all.trim())
        : element("details", {}, element("summary", {}, ...inline(summary)), ...typeset(inner)),
    );
}
