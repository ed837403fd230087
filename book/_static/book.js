// What is copied holds formulas as LaTeX.
document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed) return;
  const range = selection.getRangeAt(0).cloneRange();
  const around = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest("math");
  if (around(range.startContainer)) range.setStartBefore(around(range.startContainer));
  if (around(range.endContainer)) range.setEndAfter(around(range.endContainer));
  const copy = document.createElement("div");
  copy.append(range.cloneContents());
  const formulas = copy.querySelectorAll("math");
  if (formulas.length === 0) return;
  event.clipboardData.setData("text/html", copy.innerHTML);
  for (const formula of formulas) {
    const tex = formula.querySelector("annotation").textContent;
    const text = document.createElement("span");
    text.textContent = formula.getAttribute("display") === "block" ? `$$\n${tex}\n$$` : `$${tex}$`;
    text.style.whiteSpace = "pre";
    (formula.closest("span.math") ?? formula).replaceWith(text);
  }
  document.body.append(copy); // to be laid out: else its paragraphs run together
  event.clipboardData.setData("text/plain", copy.innerText);
  copy.remove();
  event.preventDefault();
});

// What is folded opens for a link that leads into it, and in print. Paper is white, whatever the screen is.
function open() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let folded = target && target.closest("details:not([open])");
  if (!folded) return;
  for (; folded; folded = folded.parentElement.closest("details:not([open])")) folded.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", open);
open();

const folded = [];
const { dataset } = document.documentElement;
let theme;
addEventListener("beforeprint", () => {
  theme = dataset.theme;
  dataset.theme = "light";
  folded.push(...document.querySelectorAll("article details:not([open])"));
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => {
  dataset.theme = theme;
  for (const part of folded.splice(0)) part.open = false;
});

// Who reads without a mouse reaches the formulas and tables that are wider than their place.
function reach() {
  for (const box of document.querySelectorAll("div.math, span.math, .pst-scrollable-table-container, pre"))
    if (!box.closest("details:not([open])") && box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
}
addEventListener("load", reach);
addEventListener("resize", reach);
addEventListener("toggle", reach, true);

// The script of the figures to play with is fetched when one comes near the view.
const explore = new URL("explore.js", document.currentScript.src).href;
const observer = new IntersectionObserver((seen) => {
  if (!seen.some((figure) => figure.isIntersecting)) return;
  observer.disconnect();
  document.head.append(Object.assign(document.createElement("script"), { src: explore }));
}, { rootMargin: "200px" });
for (const figure of document.querySelectorAll("figure.explore")) observer.observe(figure);
