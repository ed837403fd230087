"""The graph of claims: which rests on which, drawn as one column with arcs, so that it can be read on a phone.

A claim stands below everything that it rests on. An arc leads from a lemma down to a claim whose proof used it.
"""

from graphlib import CycleError, TopologicalSorter
from html import escape

ROW = 26  # pixels from one claim to the next
REACH = 104  # how far the longest arcs swing out
STATUS = {  # computed status: the class of its colour, and the words for it
    "proved": "proved, and its mutants refuted or proved",
    "proved with survivors": "proved, and some of its mutants neither refuted nor proved",
    "supported": "supported by an experiment",
    "it depends": "supported by an experiment in some regimes only",
    "no difference seen": "no difference seen in an experiment",
    "not supported": "not supported by an experiment",
    "missing": "without its evidence",
}


def cycle(edges):
    """A circle of claims that rest on each other, from a claim back to itself, or None. `edges` maps claims to lemmas."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return None


def order(edges):
    """The claims that are joined to others, each below what it rests on, as near to it as can be; then the rest."""
    joined = {*(id for id in edges if edges[id]), *(lemma for lemmas in edges.values() for lemma in lemmas)}
    placed, carries = [], {lemma: [id for id in edges if lemma in edges[id]] for lemma in edges}

    def place(id):
        if id not in placed and all(lemma in placed for lemma in edges.get(id, [])):
            placed.append(id)
            for other in sorted(carries.get(id, []), key=lambda other: len(carries.get(other, []))):
                place(other)

    for id in [*edges, *edges]:
        if id in joined:
            place(id)
    return placed, [id for id in edges if id not in joined]


def _slug(status):
    return status.replace(" ", "-")


def draw(entries):
    """The graph as SVG in a figure, each claim a link, and the same in words."""
    edges = {entry["id"]: entry["rests_on"] for entry in entries}
    by_id = {entry["id"]: entry for entry in entries}
    if cycle(edges) or not all(lemma in by_id for lemmas in edges.values() for lemma in lemmas):
        return "(There is no graph: the build has failed.)"
    joined, alone = order(edges)
    height = {id: ROW * (number + 0.5) for number, id in enumerate(joined)}
    height |= {id: ROW * (number + 1.2 + len(joined)) for number, id in enumerate(alone)}
    arcs = [(height[lemma], height[id], f"{id} rests on {lemma}") for id in joined for lemma in edges[id]]
    swing = {arc: min(REACH, 10 + 0.42 * (arc[1] - arc[0])) for arc in arcs}
    left = round(max(swing.values(), default=0)) + 10
    parts = [
        f'<path class="claims-arc" d="M{left} {top:g} C{left - 1.33 * reach:.0f} {top:g} {left - 1.33 * reach:.0f} {bottom:g} '
        f'{left} {bottom:g}"><title>{escape(said)}</title></path>'
        for (top, bottom, said), reach in swing.items()
    ]
    for id, y in height.items():
        entry = by_id[id]
        said = STATUS[entry["status"]]
        parts.append(
            f'<a href="../{entry["address"]}" aria-label="{escape(id)}: {said}"><circle class="claims-{_slug(entry["status"])}" '
            f'cx="{left}" cy="{y:g}" r="6"/><text x="{left + 14}" y="{y + 5:g}">{escape(id)}</text></a>'
        )
    size = ROW * (len(height) + (1.2 if alone else 0.5))
    words = [f"{id} rests on {' and '.join(lemmas)}" for id, lemmas in edges.items() if lemmas]
    words.append(f"{', '.join(alone)} rest on no other claim")
    svg = (
        f'<svg class="claims-graph" viewBox="0 0 {left + 250} {size:g}" style="max-width: {left + 250}px" role="group" aria-labelledby="claims-graph-title">'
        f'<title id="claims-graph-title">Which claim rests on which: {escape("; ".join(words))}.</title>{"".join(parts)}</svg>'
    )
    seen = {entry["status"] for entry in entries}
    key = "".join(
        f'<span><i class="claims-{_slug(name)}"></i> {said}</span>' for name, said in STATUS.items() if name in seen
    )
    return f'<figure class="claims">{svg}<figcaption>{key}</figcaption></figure>'
