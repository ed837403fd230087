"""The ledger: what the contract asks of each claim, against what the cells of this build left behind.

The contract, book/claims.toml, says what is claimed; the evidence says what was done. Nothing is set by hand: a claim
without its evidence, evidence for an unknown claim, or one id for two statements fails the build.
"""

import json
import tomllib
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path

import jinja2
from chapters import ANCHORS
from docutils import nodes
from mutate import examined
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)

KINDS = ("identity", "inequality", "optimum", "limit", "lemma", "empirical")
STATED = ("statements", "given", "equality", "where")  # what a claim's records must agree on
OWED = {"prove": "proof", "check": "check", "refute": "refuted near miss", "mutate": "mutants"}
OF_A_LEMMA = ("prove", "mutate")  # it is a step to other claims, which owe the rest
ROW = 26  # pixels from one claim to the next in the graph
REACH = 104  # how far the longest arcs swing out
COLUMN = REACH + 10  # where the claims stand
STATUS = {  # computed status, which is the class of its colour, and the words for it
    "proved": "proved",
    "computed": "with limits that SymPy computed and values approach",
    "supported": "supported by an experiment",
    "it depends": "supported by an experiment in some regimes only",
    "no difference seen": "no difference seen in an experiment",
    "not supported": "not supported by an experiment",
    "missing": "without its evidence",
}
TEMPLATE = Path(__file__).with_name("ledger.jinja").read_text("utf-8")
PAGE = jinja2.Template(TEMPLATE, trim_blocks=True, lstrip_blocks=True).module
FATES = ("refuted", "still true", "undecided")  # of mutants, as in lossmath/claims/mutation.py
SHOWN = {  # what a row takes of the first record of each verb
    "prove": ("rules", "latex"),
    "check": ("cases", "residual", "device", "shown"),
    "judge": ("outcome", "measured", "differences"),
}


def contract_of(path):
    """The contract, or an empty one for a book without claims."""
    return {"definitions": {}, "claims": {}} | (tomllib.loads(path.read_text("utf-8")) if path.exists() else {})


def stated(thing):
    return {key: thing.get(key, []) for key in STATED}


def at_home(record, claim):
    """A record was left by the chapter that the contract names; other chapters may prove a claim again."""
    return record["page"] == f"book/{claim.get('chapter')}"


def row(record):
    """The row of the contract that a proof would fulfil, to be read by a person before it is pasted."""
    kind = "identity" if all(" == " in statement for statement in record["statements"]) else "inequality"
    chapter = record["page"].removeprefix("book/")
    lines = [f"[claims.{record['claim']}]", f'kind = "{kind}"', f'chapter = "{chapter}"', 'says = ""']
    lines += [f"{key} = {json.dumps(record[key], ensure_ascii=False)}" for key in STATED if record.get(key)]
    return "\n".join(lines)


def verify(contract, evidence):
    """What is wrong, one line for each thing, naming the claim; nothing if the contract is fulfilled."""
    wrong, claims, unknown = [], contract["claims"], {}
    for id, claim in claims.items():
        wrong += [f"{id}: {said}" for said in _owed(claim, [record for record in evidence if record["claim"] == id])]
    proved = {(record["claim"], record["page"]) for record in evidence if record["verb"] == "prove"}
    for record in evidence:
        id, page = record["claim"], record["page"]
        if id in claims:
            said = _differs(claims[id], record, contract["definitions"], proved)
            wrong += [f"{id}: {page}: {one}" for one in said]
        else:
            pasted = f"; its row would be\n{row(record)}" if record["verb"] == "prove" else ""
            unknown.setdefault(
                (id, page), f"{id}: {page} has evidence for it, and the contract has no such claim{pasted}"
            )
    wrong += unknown.values()
    try:
        TopologicalSorter(rests_on(contract, evidence)).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        wrong.append(f"{circle[0]}: the proofs go round in a circle, {' → '.join(circle)}")
    return list(dict.fromkeys(wrong))


def _owed(claim, own):
    """What the records of a claim lack, or have too much."""
    kind, verdicts = claim.get("kind"), [record for record in own if record["verb"] == "judge"]
    if kind not in KINDS:
        yield f"the contract gives the kind {kind!r}, none of {', '.join(KINDS)}"
    if kind == "empirical":
        if len(verdicts) != 1:
            yield f"{len(verdicts)} verdicts of experiments; it owes one"
        if len(own) > len(verdicts):
            yield "it is empirical, and something else than an experiment was done to it"
        return
    done = {record["verb"] for record in own if at_home(record, claim)}
    for verb, name in OWED.items():
        if verb not in done and (kind != "lemma" or verb in OF_A_LEMMA):
            yield f"no {name} in the chapter {claim.get('chapter')}"
    if verdicts:
        yield f"a verdict, but it is of the kind {kind}"
    if any(record.get("cases", 1) <= 0 for record in own):
        yield "checked at no case"
    if any(not record.get("mutants", True) for record in own):
        yield "it has no mutants"


def _differs(claim, record, definitions, proved):
    """What a record says otherwise than the contract does of its claim, or rests on without proof."""
    if record["verb"] == "refute":
        if stated(record) == stated(claim):
            yield "it is refuted, as the contract states it"
    elif record["verb"] != "judge" and claim.get("kind") != "empirical":
        for key in STATED:
            if (found := record.get(key, [])) != (due := claim.get(key, [])):
                yield f"{record['verb']} of another statement under this id: {key} = {found}, the contract has {due}"
        for name, definition in record.get("definitions", {}).items():
            if definition != (due := definitions.get(name)):
                yield f'"{name}" = "{definition}" in the package; the contract\'s definitions have {due!r}'
    for lemma in record.get("lemmas", []):
        if (lemma, record["page"]) not in proved:
            yield f"its proof rests on {lemma}, which that page does not prove"


def rests_on(contract, evidence):
    """For each claim the lemmas that its proofs used."""
    proofs = [(record["claim"], record["lemmas"]) for record in evidence if record["verb"] == "prove"]
    ids = dict.fromkeys([*contract["claims"], *(id for id, _ in proofs)])
    return {id: sorted({lemma for other, lemmas in proofs if other == id for lemma in lemmas}) for id in ids}


def address(id, claim):
    """Where a claim stands in its chapter, as (page, anchor): a lemma at the cell that proves it."""
    return f"book/{claim.get('chapter')}", id + "-proof" * (claim.get("kind") == "lemma")


def rows(contract, evidence):
    """The ledger, one row for each claim, in the order of the contract."""
    edges, entries = rests_on(contract, evidence), []
    for id, claim in contract["claims"].items():
        own = [record for record in evidence if record["claim"] == id]
        page, label = address(id, claim)
        entry = {"id": id, **claim, "page": page, "address": f"{page}.html#{label}", "rests_on": edges[id]}
        entry |= _done([record for record in own if at_home(record, claim)])
        entry["carries"] = sorted(other for other in edges if id in edges[other])
        entry["proved_again"] = sorted({one["page"] for one in own if one["verb"] == "prove"} - {page})
        entries.append(entry | {"status": "missing" if any(_owed(claim, own)) else _status(entry)})
    return entries


def _done(home):
    """What was done to a claim in its chapter."""
    first = {record["verb"]: record for record in reversed(home)}
    done = {
        ANCHORS[verb]: {key: first[verb][key] for key in keys} | {"cell": _cell(first[verb])}
        for verb, keys in SHOWN.items()
        if verb in first
    }
    done["near_misses"] = [
        stated(one) | {"counterexample": one["counterexample"], "shown": one["shown"], "cell": _cell(one)}
        for one in home
        if one["verb"] == "refute"
    ]
    tried = [mutant for one in home if one["verb"] == "mutate" for mutant in one["mutants"]]
    done["mutants"] = {fate: sum(mutant["fate"] == fate for mutant in tried) for fate in FATES}
    done["mutants"] |= {"made": len(tried), "not refuted": [one for one in tried if one["fate"] != "refuted"]}
    return done


def _cell(record):
    return f"{record['page']}.html#{record['anchor']}"


def _status(entry):
    """The status of a claim that has its evidence."""
    if entry["kind"] == "empirical":
        return entry["verdict"]["outcome"]
    return "computed" if "limit" in entry["proof"]["rules"] else "proved"


def page_of(entries):
    """The ledger as Markdown, in three parts."""
    blocks = (str(PAGE.block(entry)) for entry in entries)
    return {"summary": str(PAGE.summary(entries)), "graph": draw(entries), "claims": "\n\n".join(blocks)}


def draw(entries):
    """The graph of claims as SVG: one column, so that it can be read on a phone, and arcs to what rests on a claim."""
    edges = {entry["id"]: entry["rests_on"] for entry in entries}
    joined = {one for id, lemmas in edges.items() if lemmas for one in (id, *lemmas)}
    column = sorted(entries, key=lambda entry: entry["id"] not in joined)
    height = {one["id"]: round(ROW * (n + (0.5 if one["id"] in joined else 1.2))) for n, one in enumerate(column)}
    pairs = [(lemma, id) for id, lemmas in edges.items() for lemma in lemmas if lemma in edges]
    bends = {(a, b): round(COLUMN - 1.33 * min(REACH, 10 + 0.42 * abs(height[b] - height[a]))) for a, b in pairs}
    words = {status: STATUS[status] for status in STATUS if status in {entry["status"] for entry in entries}}
    return str(PAGE.graph(entries, height, bends, COLUMN, ROW * (len(entries) + 1), words))


def settle(app, env, added, changed, removed):
    """Have the mutants examined, and hold the evidence against the contract, in every build."""
    app.contract = contract_of(Path(app.srcdir, "book", "claims.toml"))
    home = [record for record in app.evidence if at_home(record, app.contract["claims"].get(record["claim"], {}))]
    app.evidence += examined(home, Path(env.mystnb_config.execution_cache_path, "mutants"))
    for said in verify(app.contract, app.evidence):
        logger.warning("the ledger: %s", said)
    app.rows = rows(app.contract, app.evidence)
    return []


def fill(app, page, content):
    """Put the ledger where its page asks for it."""
    if "<!-- ledger: " in content[0]:
        for name, text in page_of(app.rows).items():
            content[0] = content[0].replace(f"<!-- ledger: {name} -->", text)


def find_labels(app, env):
    """Each claim has its address in its chapter; that of a lemma is the cell that proves it."""
    labels = env.get_domain("std").anonlabels
    for id, claim in app.contract["claims"].items():
        if claim.get("kind") != "lemma" and not at_home({"page": labels.get(id, [""])[0]}, claim):
            logger.warning("the ledger: %s: the chapter %s has no label (%s)=", id, claim.get("chapter"), id)


def sum_up(app, doctree, docname):
    """After a verdict, what else was done to the claim, with a link to its entry in the ledger."""
    found = {entry["id"]: entry for entry in app.rows if entry["page"] == docname}
    labels = app.env.get_domain("std").anonlabels
    for verdict in list(doctree.findall(nodes.paragraph)):
        id = verdict.astext().startswith("∎") and verdict.next_node(nodes.literal).astext()
        if id in found and f"ledger-{id}" in labels:
            entry = make_refnode(app.builder, docname, *labels[f"ledger-{id}"], nodes.Text("The ledger"))
            verdict += [nodes.Text(f" {PAGE.sum_up(found[id]).strip()} "), entry]
            _fold_check(verdict)


def _fold_check(verdict):
    """Put how the claim was checked, if that is said below, with how it was proved."""
    output = verdict.parent
    below = output[output.index(verdict) + 1 :]
    own = [*takewhile(lambda node: not node.astext().startswith("∎"), below)]
    ends = [node for node in own if node.astext().strip() == "</details>"]
    checks = [node for node in own if node.astext().startswith("✓")]
    if ends and checks:
        output.remove(checks[0])
        output.insert(output.index(ends[0]), checks[0])


def write(app, exception):
    """The ledger as JSON beside the site: an output, made anew in every build."""
    if exception is None:
        found = {"definitions": app.contract["definitions"], "claims": app.rows}
        Path(app.outdir, "ledger.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def setup(app):
    app.connect("env-get-outdated", settle, priority=600)  # after the chapters have run
    app.connect("source-read", fill)
    app.connect("env-check-consistency", find_labels)
    app.connect("doctree-resolved", sum_up)
    app.connect("build-finished", write)
