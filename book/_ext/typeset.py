"""Formulas, typeset when the book is built: MathML in the page, in a font of the site, and no script for it.

What `math_core` does not know fails the build. The TeX stands in each formula as its annotation, to be copied.
"""

import re
from xml.etree import ElementTree as ET

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

TEX = LatexToMathML(annotation=True, fancy_error=False, allow_unreliable_rendering=True)
# Sphinx numbers what has a label.
NUMBERED = re.compile(r"(\\(?:begin|end)\{(?:align|alignat|equation|gather|multline))\}")
IN_TEXT = re.compile(r"\\text\{([^{}$]*)\$([^$]*)\$([^{}$]*)\}")  # a formula in words in a formula
SCRIPTS = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
TALL = {"mfrac", "mroot", "msqrt", "mtable", "munder", "munderover"}
CLOSING, OPENING = re.compile(r"[^\s\w([]+\w*"), re.compile(r"[(\[“]+$")


def keep_legible(part, level, display):
    """No sign is drawn smaller than TeX's smallest: MathML shrinks the scripts of scripts without end."""
    for place, child in enumerate(part):
        script, fraction = place > 0 and part.tag in SCRIPTS, part.tag == "mfrac"
        depth = level + (script or (fraction and not display))
        if depth > 2:
            child.set("scriptlevel", "2")
        whole = (display and not (script or fraction)) or child.get("displaystyle") == "true"
        keep_legible(child, min(depth, 2), whole)


def typeset(tex, display):
    """A formula as MathML; raises LatexError."""
    tex = NUMBERED.sub(r"\1*}", IN_TEXT.sub(r"\\text{\1}\2\\text{\3}", tex.strip()))
    if r"\\" in tex and not tex.startswith(r"\begin"):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    text = TEX.convert_with_local_state(tex, displaystyle=display)
    tree = ET.fromstring(text.replace("&ApplyFunction;", "\u2061"))
    for row in tree.iter("mrow"):
        if not any(part.tag in TALL or part.text in ("∑", "∏", "∫") for part in row.iter()):
            for sign in row.findall("mo"):
                sign.set("stretchy", "false")  # as TeX, whose \left and \right do not grow around what is low
    keep_legible(tree, 0, display)
    return ET.tostring(tree, "unicode", short_empty_elements=False)


def render(translator, node, display):
    try:
        translator.body.append(typeset(node.astext(), display))
    except LatexError as error:
        logger.warning("this formula cannot be typeset: %s: %s", error, node.astext(), location=node)


def visit_inline(self, node):
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    render(self, node, display=False)
    self.body.append("</span>")
    raise nodes.SkipNode


def visit_display(self, node):
    self.body.append(self.starttag(node, "div", "", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    render(self, node, display=True)
    self.body.append("</div>\n")
    raise nodes.SkipNode


def keep_together(app, doctree, docname):
    """No line ends between a formula in the text and the comma after it, or the parenthesis before it."""
    for node in list(doctree.findall(nodes.math)):
        while isinstance(node.parent, nodes.Inline) and len(node.parent) == 1:  # all of a link
            node = node.parent
        parent = node.parent
        at = parent.index(node)
        before, after = ("" if not 0 <= k < len(parent) else parent[k] for k in (at - 1, at + 1))
        opening = isinstance(before, nodes.Text) and OPENING.search(before)
        closing = isinstance(after, nodes.Text) and CLOSING.match(after)
        whole = nodes.inline(classes=["together"])
        if closing:
            parent[at + 1] = nodes.Text(after[closing.end() :])
        if opening:
            parent[at - 1] = nodes.Text(before[: opening.start()])
            whole += nodes.Text(opening[0])
        if opening or closing:
            parent[at] = whole
            whole += node
        if closing:
            whole += nodes.Text(closing[0])


def name_links(app, doctree, docname):
    """A link that shows nothing but a formula is named by what it leads to."""
    labels = app.env.get_domain("std").labels
    for link in doctree.findall(nodes.reference):
        words = (text for text in link.findall(nodes.Text) if not isinstance(text.parent, nodes.math))
        if link.next_node(nodes.math) and not any(words):
            label = link.get("refid") or link.get("refuri", "").partition("#")[2]
            link["reftitle"] = labels[label][2] if label in labels else link.astext()


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", name_links)
