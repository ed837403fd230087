"""Names in backticks lead to the reference, and those of claims to where they are proved."""

from docutils import nodes
from ledger import address
from sphinx.util.nodes import make_refnode

ENTRIES = ("class", "exception", "function", "module")  # which are named without their owner


def place(app, docname, text):
    """Where a name leads, as (page, anchor), or None; of several that end alike, to the one on this page."""
    if claim := app.contract["claims"].get(text):
        return address(text, claim)
    name, objects = "." + text.partition("(")[0], app.env.get_domain("py").objects.items()
    ends = [one for full, one in objects if f".{full}".endswith(name) and ("." in text or one.objtype in ENTRIES)]
    found = {(one.docname, one.node_id) for one in ends}
    here = {one for one in found if one[0] == docname}
    return next(iter(next(one for one in (here, found, [None]) if len(one) == 1)))


def link(app, doctree, docname):
    linked = {one for reference in doctree.findall(nodes.reference) for one in reference.findall(nodes.literal)}
    for node in list(doctree.findall(nodes.literal)):
        if node not in linked and (target := place(app, docname, node.astext())):
            node.replace_self(make_refnode(app.builder, docname, *target, node.deepcopy()))


def setup(app):
    app.connect("doctree-resolved", link)
