"""The ledger: what the contract asks of each claim, against what the cells of this build left behind.

The contract, book/claims.toml, says what is claimed; the evidence says what was done. Nothing is set by hand: a claim
without its evidence, evidence for an unknown claim, or one id for two statements fails the build.
"""

import json
import tomllib
from pathlib import Path

import graph
import jinja2
from chapters import anchor
from docutils import nodes
from mutate import examined
from sphinx.util import logging

logger = logging.getLogger(__name__)

KINDS = ("identity", "inequality", "optimum", "limit", "lemma", "empirical")
STATED = ("statements", "given", "equality", "where")  # what a claim's records must agree on
OWED = {"prove": "proof", "check": "check", "refute": "refuted near miss", "mutate": "mutants"}
OF_A_LEMMA = ("prove", "mutate")  # it is a step to other claims, which owe the rest
FATES = ("refuted", "still true", "undecided")  # of mutants, as in lossmath/claims/mutation.py
SHOWN = {  # what a row takes of the first record of each verb, and under which name
    "prove": ("proof", ("rules", "latex")),
    "check": ("check", ("cases", "residual", "device", "shown")),
    "judge": ("verdict", ("outcome", "measured", "differences")),
}


def contract_of(path):
    """The contract, or an empty one for a book without claims."""
    return {"definitions": {}, "claims": {}} | (tomllib.loads(path.read_text("utf-8")) if path.exists() else {})


def stated(thing):
    return {key: thing.get(key, []) for key in STATED}


def _chapter(record):
    return record["page"].split("/")[-1]


def at_home(record, claim):
    """A record was left by the chapter that the contract names; other chapters may prove a claim again."""
    return _chapter(record) == claim.get("chapter")


def row(record):
    """The row of the contract that a proof would fulfil, to be read by a person before it is pasted."""
    kind = "identity" if all(" == " in statement for statement in record["statements"]) else "inequality"
    lines = [f"[claims.{record['claim']}]", f'kind = "{kind}"', f'chapter = "{_chapter(record)}"', 'says = ""']
    lines += [f"{key} = {json.dumps(record[key], ensure_ascii=False)}" for key in STATED if record.get(key)]
    return "\n".join(lines)


def verify(contract, evidence):
    """What is wrong, one line for each thing, naming the claim; nothing if the contract is fulfilled."""
    wrong, claims, unknown = [], contract["claims"], {}
    for id, claim in claims.items():
        if claim.get("kind") not in KINDS:
            wrong.append(f"{id}: the contract gives the kind {claim.get('kind')!r}, none of {', '.join(KINDS)}")
        own = [record for record in evidence if record["claim"] == id]
        wrong += [f"{id}: {said}" for said in (_judged(own) if claim.get("kind") == "empirical" else _owed(claim, own))]
    proved = {(record["claim"], record["page"]) for record in evidence if record["verb"] == "prove"}
    for record in evidence:
        id, page = record["claim"], record["page"]
        if id not in claims:
            unknown.setdefault((id, page), record)
            continue
        wrong += [f"{id}: {page}: {said}" for said in _agrees(claims[id], record, contract["definitions"])]
        missing = [lemma for lemma in record.get("lemmas", []) if (lemma, page) not in proved]
        wrong += [f"{id}: {page}: its proof rests on {lemma}, which that page does not prove" for lemma in missing]
    for (id, page), record in unknown.items():
        pasted = f"; its row would be\n{row(record)}" if record["verb"] == "prove" else ""
        wrong.append(f"{id}: {page} has evidence for it, and the contract has no such claim{pasted}")
    if cycle := graph.cycle(rests_on(contract, evidence)):
        wrong.append(f"{cycle[0]}: the proofs go round in a circle, {' → '.join(cycle)}")
    return list(dict.fromkeys(wrong))


def _owed(claim, own):
    done = {record["verb"] for record in own if at_home(record, claim)}
    for verb, name in OWED.items():
        if verb not in done and (claim.get("kind") != "lemma" or verb in OF_A_LEMMA):
            yield f"no {name} in the chapter {claim.get('chapter')}"
    for record in own:
        if not record.get("cases", 1) > 0:
            yield "checked at no case"
        if not record.get("mutants", True):
            yield "it has no mutants"
        if record["verb"] == "judge":
            yield f"a verdict, but it is of the kind {claim.get('kind')}"


def _judged(own):
    verdicts = [record for record in own if record["verb"] == "judge"]
    if len(verdicts) != 1:
        yield f"{len(verdicts)} verdicts of experiments; it owes one"
    if len(own) > len(verdicts):
        yield "it is empirical, and something else than an experiment was done to it"


def _agrees(claim, record, definitions):
    """What a record says otherwise than the contract."""
    if record["verb"] == "judge" or claim.get("kind") == "empirical":
        return
    if record["verb"] == "refute":
        if stated(record) == stated(claim):
            yield "it is refuted, as the contract states it"
        return
    for key in STATED:
        if (found := record.get(key, [])) != (due := claim.get(key, [])):
            yield f"{record['verb']} of another statement under this id: {key} = {found}, the contract has {due}"
    for name, definition in record.get("definitions", {}).items():
        if definitions.get(name) != definition:
            due = definitions.get(name)
            yield f'"{name}" = "{definition}" in the package; the contract\'s definitions have {due!r}'


def rests_on(contract, evidence):
    """For each claim the lemmas that its proofs used."""
    proofs = [(record["claim"], record["lemmas"]) for record in evidence if record["verb"] == "prove"]
    ids = dict.fromkeys([*contract["claims"], *(id for id, _ in proofs)])
    return {id: sorted({lemma for other, lemmas in proofs if other == id for lemma in lemmas}) for id in ids}


# The rows


def rows(contract, evidence):
    """The ledger, one row for each claim, in the order of the contract."""
    edges, entries = rests_on(contract, evidence), []
    pages = {_chapter(record): record["page"] for record in evidence}
    for id, claim in contract["claims"].items():
        own = [record for record in evidence if record["claim"] == id]
        home = [record for record in own if at_home(record, claim)]
        page = pages.get(claim.get("chapter"), "")
        entry = {"id": id, "kind": claim.get("kind"), "says": claim.get("says", ""), "page": page}
        entry["address"] = f"{page}.html#{id}" + "-proof" * (claim.get("kind") == "lemma")
        entry |= {key: value for key, value in stated(claim).items() if value}
        entry |= _done(home)
        entry["rests_on"] = edges[id]
        entry["carries"] = sorted(other for other in edges if id in edges[other])
        entry["proved_again"] = sorted({one["page"] for one in own if one["verb"] == "prove"} - {page})
        entries.append(entry | {"status": _status(entry)})
    return entries


def _done(home):
    """What was done to a claim in its chapter."""
    done, left = {}, {verb: [record for record in home if record["verb"] == verb] for verb in (*OWED, "judge")}
    for verb, (name, keys) in SHOWN.items():
        if left[verb]:
            done[name] = {key: left[verb][0][key] for key in keys} | {"cell": _cell(left[verb][0])}
    done["near_misses"] = [
        stated(one) | {"counterexample": one["counterexample"], "shown": one["shown"], "cell": _cell(one, number)}
        for number, one in enumerate(left["refute"], 1)
    ]
    tried = [mutant for record in left["mutate"] for mutant in record["mutants"]]
    done["mutants"] = {fate: sum(mutant["fate"] == fate for mutant in tried) for fate in FATES}
    done["mutants"] |= {"made": len(tried), "not refuted": [one for one in tried if one["fate"] != "refuted"]}
    return done


def _cell(record, number=1):
    return f"{record['page']}.html#{anchor(record, number)}"


def _status(entry):
    if entry["kind"] == "empirical":
        return entry.get("verdict", {}).get("outcome", "missing")
    done = "proof" in entry and entry["mutants"]["made"]
    if not done or (entry["kind"] != "lemma" and not ("check" in entry and entry["near_misses"])):
        return "missing"
    return "computed" if "limit" in entry["proof"]["rules"] else "proved"


# The page


def _macros():
    text = Path(__file__).with_name("ledger.jinja").read_text("utf-8")
    return jinja2.Template(text, trim_blocks=True, lstrip_blocks=True).module


def page_of(entries):
    """The ledger as Markdown, in three parts."""
    page = _macros()
    blocks = (str(page.block(entry)) for entry in entries)
    return {"summary": str(page.summary(entries)), "graph": graph.draw(entries), "claims": "\n\n".join(blocks)}


# In the build


def settle(app, env, added, changed, removed):
    """Have the mutants examined, and hold the evidence against the contract, in every build."""
    app.contract = contract_of(Path(app.srcdir, "book", "claims.toml"))
    home = [record for record in app.evidence if at_home(record, app.contract["claims"].get(record["claim"], {}))]
    app.evidence += examined(home, Path(env.mystnb_config.execution_cache_path, "mutants"))
    for said in verify(app.contract, app.evidence):
        logger.warning("the ledger: %s", said)
    return []


def fill(app, page, content):
    """Put the ledger where its page asks for it."""
    if "<!-- ledger: " in content[0]:
        for name, text in page_of(rows(app.contract, app.evidence)).items():
            content[0] = content[0].replace(f"<!-- ledger: {name} -->", text)


def find_labels(app, env):
    """Each claim has its address in its chapter; that of a lemma is the cell that proves it."""
    labels = env.get_domain("std").anonlabels
    for id, claim in app.contract["claims"].items():
        if claim.get("kind") != "lemma" and not at_home({"page": labels.get(id, [""])[0]}, claim):
            logger.warning("the ledger: %s: the chapter %s has no label (%s)=", id, claim.get("chapter"), id)


def sum_up(app, doctree, docname):
    """After a verdict, what else was done to the claim, with a link to its entry in the ledger."""
    found = {entry["id"]: entry for entry in rows(app.contract, app.evidence) if entry["page"] == docname}
    labels = app.env.get_domain("std").anonlabels
    for verdict in list(doctree.findall(nodes.paragraph)):
        id = verdict.astext().startswith("∎") and verdict.next_node(nodes.literal).astext()
        if id in found and f"ledger-{id}" in labels:
            page, label = labels[f"ledger-{id}"]
            uri = f"{app.builder.get_relative_uri(docname, page)}#{label}"
            said = _macros().sum_up(found[id]).strip()
            verdict += [nodes.Text(f" {said} "), nodes.reference("", "The ledger", refuri=uri, internal=True)]
            _fold_check(verdict)


def _fold_check(verdict):
    """Put how the claim was checked, if that is said below, with how it was proved."""
    output, end = verdict.parent, None
    for node in output[output.index(verdict) + 1 :]:
        if node.astext().startswith("∎"):
            return
        if node.astext().strip() == "</details>":
            end = node
        elif end is not None and node.astext().startswith("✓"):
            output.remove(node)
            output.insert(output.index(end), node)
            return


def write(app, exception):
    """The ledger as JSON beside the site: an output, made anew in every build."""
    if exception is None and app.contract["claims"]:
        found = {"definitions": app.contract["definitions"], "claims": rows(app.contract, app.evidence)}
        Path(app.outdir, "ledger.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def setup(app):
    app.connect("env-get-outdated", settle, priority=600)  # after the chapters have run
    app.connect("source-read", fill)
    app.connect("env-check-consistency", find_labels)
    app.connect("doctree-resolved", sum_up)
    app.connect("build-finished", write)
