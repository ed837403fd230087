// What opens below a cell.
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { indentUnit, syntaxHighlighting } from "@codemirror/language";
import { classHighlighter } from "@lezer/highlight";
import { EditorView, minimalSetup } from "codemirror";
import { keymap } from "@codemirror/view";
import { Prover } from "./prover.js";
import { element, typeset } from "./typeset.js";
import "./page.css";

let loading; // the page's cells, and its prover, once they are asked for
let page;

async function read(address, base) {
  const response = await fetch(address, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${address} answers ${response.status}`);
  const { cells, lossmath } = await response.json();
  return { cells, panels: {}, prover: new Prover(lossmath, base) };
}

/** Something that a cell shows, as the notebook would. */
function show({ form, text }) {
  if (form === "markdown") return typeset(text);
  if (form === "svg") return [element("img", { alt: "", src: `data:image/svg+xml,${encodeURIComponent(text)}` })];
  return [element("pre", { className: `try-${form}` }, text)];
}

/** What was proved, and what refuted: here, which the ledger does not count. */
function mark({ proved, refuted }) {
  const list = (ids) => ids.flatMap((id) => [", ", element("code", {}, id)]).slice(1);
  const said = (what, ids) => (ids.length ? [`${what} in this browser: `, ...list(ids), ". "] : []);
  const parts = [...said("Proved", proved), ...said("Refuted", refuted)];
  if (!parts.length) return [];
  return [element("p", { className: "try-mark" }, ...parts, "The ledger lists what the build did, and only that.")];
}

/** An editor on some code, its buttons, and what came out. */
class Panel {
  constructor(prover, code) {
    const button = (name, act) => element("button", { type: "button", onclick: () => act.call(this) }, name);
    Object.assign(this, { prover, code, output: element("div", { className: "try-output", ariaLive: "polite" }) });
    this.buttons = [button("Run", this.run), button("Stop", this.stop), button("Reset", this.reset)];
    this.status = element("span", { className: "try-status", role: "status" });
    const editor = element("div", { className: "try-editor" });
    const bar = element("div", { className: "try-bar" }, ...this.buttons, this.status);
    this.node = element("section", { className: "try-panel", ariaLabel: "Try it" }, editor, bar, this.output);
    const run = () => this.run() && true;
    this.view = new EditorView({
      parent: editor,
      doc: code,
      extensions: [
        keymap.of([{ key: "Mod-Enter", run }, { key: "Shift-Enter", run }, indentWithTab]),
        minimalSetup,
        python(),
        indentUnit.of("    "),
        syntaxHighlighting(classHighlighter),
        EditorView.contentAttributes.of({ "aria-label": "The code of the cell" }),
      ],
    });
    this.enable(false);
  }

  say(text) {
    this.status.textContent = text;
  }

  enable(running) {
    const [run, stop] = this.buttons;
    run.disabled = running;
    stop.disabled = !running;
  }

  show(said) {
    const last = this.output.lastChild;
    if (said.form === "print" && last?.className === "try-print") last.append(`\n${said.text}`);
    else this.output.append(...show(said));
  }

  async run() {
    if (page.running) return;
    page.running = this;
    this.enable(true);
    this.output.replaceChildren();
    this.prover.say = (text) => this.say(text);
    try {
      const done = await this.prover.run(this.view.state.doc.toString(), (said) => this.show(said));
      this.output.append(...mark(done));
      this.say("");
    } catch (error) {
      this.say(error.message);
    }
    page.running = undefined;
    this.enable(false);
  }

  stop() {
    this.prover.stop();
  }

  reset() {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: this.code } });
    this.output.replaceChildren();
    this.say("");
  }
}

/** Open the cell of a button, or close it; the prover begins to load meanwhile. */
export async function toggle(button, address, base) {
  page = await (loading ??= read(address, base));
  const { cell } = button.dataset;
  if (!page.panels[cell]) {
    page.panels[cell] = new Panel(page.prover, page.cells[cell]);
    button.parentNode.after(page.panels[cell].node);
    page.prover.start().catch(() => {}); // whoever runs a cell is told
  } else page.panels[cell].node.hidden = !page.panels[cell].node.hidden;
  const { hidden } = page.panels[cell].node;
  button.setAttribute("aria-expanded", String(!hidden));
  if (!hidden) page.panels[cell].view.focus();
}
