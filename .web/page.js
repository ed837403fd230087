// What opens below a cell.
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { indentUnit, syntaxHighlighting } from "@codemirror/language";
import { keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { EditorView, minimalSetup } from "codemirror";
import { Prover } from "./prover.js";
import { element, typeset } from "./typeset.js";
import "./page.css";

let page; // the promise of its cells and its prover, once they are asked for

async function read(address, base) {
  const response = await fetch(address, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${address} answers ${response.status}`);
  const { cells, lossmath } = await response.json();
  return { cells, panels: {}, prover: new Prover(lossmath, base) };
}

/** Something that a cell shows, as the notebook would. */
function show({ form, text }) {
  if (form === "markdown") return typeset(text);
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
  constructor(page, code) {
    const button = (name, act) => element("button", { type: "button", onclick: () => act.call(this) }, name);
    Object.assign(this, { page, code, output: element("div", { className: "try-output", ariaLive: "polite" }) });
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
    const { prover, busy } = this.page;
    if (busy) return this.say("Another cell is running");
    this.page.busy = true;
    this.enable(true);
    this.output.replaceChildren();
    prover.say = (text) => this.say(text);
    try {
      const done = await prover.run(this.view.state.doc.toString(), (said) => this.show(said));
      this.output.append(...mark(done));
      this.say("");
    } catch (error) {
      this.say(error.message);
    }
    this.page.busy = false;
    this.enable(false);
  }

  stop() {
    this.page.prover.stop();
  }

  reset() {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: this.code } });
    this.output.replaceChildren();
    this.say("");
  }
}

/** Open the cell of a button, or close it; the prover begins to load meanwhile. */
export async function toggle(button, address, base) {
  page ??= read(address, base);
  const { cells, panels, prover } = await page;
  const { cell } = button.dataset;
  if (panels[cell]) panels[cell].node.hidden = !panels[cell].node.hidden;
  else {
    const panel = new Panel(await page, cells[cell]);
    panels[cell] = panel;
    button.parentNode.after(panel.node);
    if (!(await page).busy) prover.say = (text) => panel.say(text);
    prover.start().catch((error) => panel.say(error.message));
  }
  const { node, view } = panels[cell];
  button.setAttribute("aria-expanded", String(!node.hidden));
  if (!node.hidden) view.focus();
}
