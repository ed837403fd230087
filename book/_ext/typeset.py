"""Formulas, typeset when the book is built: MathML in the page, in a font of the site, and no script for it.

What `math_core` does not know fails the build. The TeX stands in each formula as its annotation, to be copied.
"""

import re
from itertools import pairwise
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
CLOSING, OPENING = re.compile(r"([^\s\w([]+\w*)?"), re.compile(r"[(\[“]*$")


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
        tall = any(part.tag in TALL or part.text in ("∑", "∏", "∫") for part in row.iter())
        for sign in row.findall("mo"):
            if not tall:
                sign.set("stretchy", "false")  # as TeX, whose \left and \right do not grow around what is low
            elif sign.text in ("(", ")") and sign.get("stretchy") is None:
                sign.set("class", "grown")
    for part in tree.iter():
        for row, after in pairwise(part):
            if row.tag == "mrow" and len(row) and after.text in (",", ".", ";"):
                row[-1].attrib.pop("rspace", None)  # no space between \right and a comma
    keep_legible(tree, 0, display)
    return ET.tostring(tree, "unicode", short_empty_elements=False)


def visit(self, node):
    display = isinstance(node, nodes.math_block)
    tag = "div" if display else "span"
    self.body.append(self.starttag(node, tag, "", CLASS="math notranslate nohighlight"))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    try:
        self.body.append(typeset(node.astext(), display))
    except LatexError as error:
        logger.warning("this formula cannot be typeset: %s: %s", error, node.astext(), location=node)
    self.body.append(f"</{tag}>" + "\n" * display)
    raise nodes.SkipNode


def keep_together(app, doctree, docname):
    """No line ends between a formula in the text and the comma after it, or the parenthesis before it."""
    for node in list(doctree.findall(nodes.math)):
        while isinstance(node.parent, nodes.Inline) and len(node.parent) == 1:  # all of a link
            node = node.parent
        parent, at = node.parent, node.parent.index(node)
        near = {k: parent[k] for k in (at - 1, at + 1) if 0 <= k < len(parent) and isinstance(parent[k], nodes.Text)}
        opening = OPENING.search(near.get(at - 1, ""))[0]
        closing = CLOSING.match(near.get(at + 1, ""))[0]
        if opening or closing:
            for k, text in near.items():
                parent[k] = nodes.Text(text.removesuffix(opening) if k < at else text.removeprefix(closing))
            parent[at] = whole = nodes.inline(classes=["together"])
            whole += [nodes.Text(opening), node, nodes.Text(closing)]


def name_links(app, doctree, docname):
    """A link that shows nothing but a formula is named by what it leads to."""
    labels = app.env.get_domain("std").labels
    for link in doctree.findall(nodes.reference):
        formula = link.next_node(nodes.math)
        if formula and link.astext() == formula.astext():
            label = link.get("refid") or link.get("refuri", "").partition("#")[2]
            link["reftitle"] = labels[label][2] if label in labels else link.astext()


def setup(app):
    app.add_html_math_renderer("mathml", (visit, None), (visit, None))
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", name_links)
