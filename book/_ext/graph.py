"""The graph of claims: which rests on which, drawn as one column with arcs, so that it can be read on a phone.

The claims stand in the order of the contract. An arc leads from a lemma to a claim whose proof used it.
"""

from graphlib import CycleError, TopologicalSorter
from html import escape

ROW = 26  # pixels from one claim to the next
REACH = 104  # how far the longest arcs swing out
STATUS = {  # computed status, which is the class of its colour, and the words for it
    "proved": "proved",
    "computed": "with limits that SymPy computed and values approach",
    "supported": "supported by an experiment",
    "it depends": "supported by an experiment in some regimes only",
    "no difference seen": "no difference seen in an experiment",
    "not supported": "not supported by an experiment",
    "missing": "without its evidence",
}
ARC = '<path class="claims-arc" d="M{0} {1:g} C{2:.0f} {1:g} {2:.0f} {3:g} {0} {3:g}"><title>{4}</title></path>'
DOT = (
    '<a href="../{address}" aria-label="{id}: {said}"><circle class="{color}" cx="{x}" cy="{y:g}" r="6"/>'
    '<text x="{right}" y="{below:g}">{id}</text></a>'
)
SVG = (
    '<svg class="claims-graph" viewBox="0 0 {width} {height:g}" style="max-width: {width}px" role="group" '
    'aria-label="Which claim rests on which, as each claim says below in words">{parts}</svg>'
)


def cycle(edges):
    """Claims that rest on each other, from one back to itself, or None. `edges` maps claims to lemmas."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return None


def _color(status):
    return f"claims-{status.replace(' ', '-')}"


def draw(entries):
    """The graph as SVG in a figure, each claim a link, and the same in words."""
    edges = {entry["id"]: entry["rests_on"] for entry in entries}
    used = {lemma for lemmas in edges.values() for lemma in lemmas}
    joined = [id for id in edges if edges[id] or id in used]
    alone = [id for id in edges if id not in joined]
    height = {id: ROW * (number + 0.5) for number, id in enumerate(joined)}
    height |= {id: ROW * (number + 1.2 + len(joined)) for number, id in enumerate(alone)}
    swing = {(a, b): min(REACH, 10 + 0.42 * abs(height[b] - height[a])) for b in joined for a in edges[b] if a in edges}
    x = round(max(swing.values(), default=0)) + 10
    parts = [
        ARC.format(x, height[lemma], x - 1.33 * reach, height[id], escape(f"{id} rests on {lemma}"))
        for (lemma, id), reach in swing.items()
    ]
    for entry in entries:
        y, said = height[entry["id"]], STATUS[entry["status"]]
        at = {"x": x, "right": x + 14, "y": y, "below": y + 5, "color": _color(entry["status"]), "said": said}
        parts.append(DOT.format(**at, address=entry["address"], id=escape(entry["id"])))
    tall = ROW * (len(height) + (1.2 if alone else 0.5))
    svg = SVG.format(width=x + 250, height=tall, parts="".join(parts))
    seen = {entry["status"] for entry in entries}
    key = (f'<span><i class="{_color(name)}"></i> {said}</span>' for name, said in STATUS.items() if name in seen)
    return f'<figure class="claims">{svg}<figcaption>{"".join(key)}</figcaption></figure>'
