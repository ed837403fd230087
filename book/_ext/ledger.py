"""The ledger: what the contract asks of each claim, against what the cells of this build left behind.

The contract, book/claims.toml, says what is claimed: ids, kinds, exact statements. The evidence says what was done. Nothing is
set by hand: a claim without its evidence, evidence for an unknown claim, or one id for two statements fails the build.
"""

import json
import tomllib
from pathlib import Path

import graph
from chapters import anchor
from mutate import examined
from sphinx.util import logging

logger = logging.getLogger(__name__)

PROVED = ("identity", "inequality", "optimum", "limit", "lemma")
KINDS = (*PROVED, "empirical")
STATED = ("statements", "given", "equality", "where")  # what a claim's records must agree on
OWED = {"prove": "proof", "check": "check", "refute": "refuted near miss", "mutate": "mutants"}
OF_A_LEMMA = ("prove", "mutate")  # it is a step to other claims, which owe the rest


def contract_of(path):
    """The contract, or an empty one for a book without claims."""
    found = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    return {"definitions": found.get("definitions", {}), "claims": found.get("claims", {})}


def stated(thing):
    return {key: thing.get(key, []) for key in STATED}


def row(record):
    """The row of the contract that a proof would fulfil, to be read by a person before it is pasted."""
    kind = "identity" if all(" == " in statement for statement in record["statements"]) else "inequality"
    lines = [
        f"[claims.{record['claim']}]",
        f'kind = "{kind}"',
        f'chapter = "{record["page"].split("/")[-1]}"',
        'says = ""',
    ]
    lines += [f"{key} = {json.dumps(record[key], ensure_ascii=False)}" for key in STATED if record.get(key)]
    return "\n".join(lines)


def verify(contract, evidence):
    """What is wrong, one line for each thing, naming the claim; nothing if the contract is fulfilled."""
    wrong, claims = [], contract["claims"]
    for id, claim in claims.items():
        if claim.get("kind") not in KINDS:
            wrong.append(
                f"{id}: the contract gives the kind {claim.get('kind')!r}, which is none of {', '.join(KINDS)}"
            )
        own = [record for record in evidence if record["claim"] == id]
        wrong += [f"{id}: {said}" for said in (_judged(own) if claim.get("kind") == "empirical" else _owed(claim, own))]
    unknown = {
        (record["claim"], record["page"]): record for record in reversed(evidence) if record["claim"] not in claims
    }
    for (id, page), record in unknown.items():
        pasted = f"; its row would be\n{row(record)}" if record["verb"] == "prove" else ""
        wrong.append(f"{id}: {page} has evidence for it, and the contract has no such claim{pasted}")
    for record in (record for record in evidence if record["claim"] in claims):
        id, page = record["claim"], record["page"]
        wrong += [f"{id}: {page}: {said}" for said in _agrees(claims[id], record, contract["definitions"])]
        for lemma in record.get("lemmas", []):
            if not any(
                other["verb"] == "prove" and (other["claim"], other["page"]) == (lemma, page) for other in evidence
            ):
                wrong.append(f"{id}: {page}: its proof rests on {lemma}, which that page does not prove")
    if cycle := graph.cycle(rests_on(contract, evidence)):
        wrong.append(f"{cycle[0]}: the proofs go round in a circle, {' → '.join(cycle)}")
    return list(dict.fromkeys(wrong))


def _owed(claim, own):
    home = [record for record in own if record["page"].split("/")[-1] == claim.get("chapter")]
    for verb, name in OWED.items():
        owed = claim.get("kind") != "lemma" or verb in OF_A_LEMMA
        if owed and not any(record["verb"] == verb for record in home):
            yield f"no {name} in the chapter {claim.get('chapter')}"
    for record in own:
        if record["verb"] == "check" and not record["cases"] > 0:
            yield "checked at no case"
        if record["verb"] == "mutate" and not record["mutants"]:
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
    same = stated(record) == stated(claim)
    if record["verb"] == "refute":
        if same:
            yield "it is refuted, as the contract states it"
        return
    if not same:
        yield from (
            f"{record['verb']} of another statement under this id: {key} = {record.get(key, [])}, the contract has {claim.get(key, [])}"
            for key in STATED
            if record.get(key, []) != claim.get(key, [])
        )
    for name, definition in record.get("definitions", {}).items():
        if definitions.get(name) != definition:
            yield f'"{name}" = "{definition}" in the package; the contract\'s definitions have {definitions.get(name)!r}'


def rests_on(contract, evidence):
    """For each claim the lemmas that its proofs used."""
    edges = {id: set() for id in contract["claims"]}
    for record in evidence:
        if record["verb"] == "prove":
            edges.setdefault(record["claim"], set()).update(record["lemmas"])
    return {id: sorted(lemmas) for id, lemmas in edges.items()}


# The rows


def rows(contract, evidence):
    """The ledger, one row for each claim with evidence, in the order of the contract."""
    edges, found = rests_on(contract, evidence), []
    pages = {page.split("/")[-1]: page for page in (record["page"] for record in evidence)}
    for id, claim in contract["claims"].items():
        chapter = claim.get("chapter", "")
        page = pages.get(chapter, chapter)
        own = [record for record in evidence if record["claim"] == id]
        home = {verb: [r for r in own if r["verb"] == verb and r["page"] == page] for verb in (*OWED, "judge")}
        entry = {
            "id": id,
            "kind": claim.get("kind"),
            "says": claim.get("says", ""),
            "page": page,
            "address": f"{page}.html#{id}" + "-proof" * (claim.get("kind") == "lemma"),
        }
        entry |= {key: value for key, value in stated(claim).items() if value}
        if home["prove"]:
            first = home["prove"][0]
            entry["latex"] = first["latex"]
            entry["proof"] = {"rules": first["rules"], "cell": _cell(first)}
        if home["check"]:
            first = home["check"][0]
            entry["check"] = {
                **{key: first[key] for key in ("cases", "residual", "device", "shown")},
                "cell": _cell(first),
            }
        entry["near_misses"] = [
            {**stated(r), "counterexample": r["counterexample"], "shown": r["shown"], "cell": _cell(r, number)}
            for number, r in enumerate(home["refute"], 1)
        ]
        tried = [mutant for record in home["mutate"] for mutant in record["mutants"]]
        entry["mutants"] = {
            fate: sum(mutant["fate"] == fate for mutant in tried) for fate in ("refuted", "still true", "survived")
        }
        entry["mutants"] |= {"made": len(tried), "not refuted": [m for m in tried if m["fate"] != "refuted"]}
        if home["judge"]:
            verdict = home["judge"][0]
            said = ("outcome", "measured", "differences")
            entry["verdict"] = {**{key: verdict[key] for key in said}, "cell": _cell(verdict)}
        entry["rests_on"] = edges[id]
        entry["carries"] = sorted(other for other in edges if id in edges[other])
        entry["proved_again"] = sorted({r["page"] for r in own if r["verb"] == "prove"} - {page})
        entry["status"] = _status(entry)
        found.append(entry)
    return found


def _cell(record, number=1):
    return f"{record['page']}.html#{anchor(record, number)}"


def _status(entry):
    if entry["kind"] == "empirical":
        return entry.get("verdict", {}).get("outcome", "missing")
    done = "proof" in entry and entry["mutants"]["made"]
    if entry["kind"] != "lemma":
        done = done and "check" in entry and entry["near_misses"]
    return "missing" if not done else "proved with survivors" if entry["mutants"]["survived"] else "proved"


# The page


def page_of(entries, titles):
    """The ledger as Markdown, in three parts; `titles` are those of the pages."""
    blocks = (_block(entry, titles) for entry in entries)
    return {"summary": _summary(entries), "graph": graph.draw(entries), "claims": "\n\n".join(blocks)}


def _count(number, one, many=None):
    return f"{number} {one if number == 1 else many or one + 's'}"


def _summary(entries):
    proved = [entry for entry in entries if "proof" in entry]
    judged = [entry for entry in entries if "verdict" in entry]
    checks = [entry["check"] for entry in proved if "check" in entry]
    devices = sorted({check["device"] for check in checks})
    fates = {
        fate: sum(entry["mutants"][fate] for entry in proved) for fate in ("made", "refuted", "still true", "survived")
    }
    cases, worst = sum(check["cases"] for check in checks), max((check["residual"] or 0 for check in checks), default=0)
    near = sum(len(entry["near_misses"]) for entry in proved)
    said = (
        f"In this build {_count(len(proved), 'claim')} were proved for every number of classes, and checked at {cases} random points "
        f"on {' and '.join(devices) or 'no device'}, with a worst residual of {_number(worst)} of the size of the terms. Of what is "
        f"close to them and false, {_count(near, 'near miss', 'near misses')} were refuted in the chapters. Of "
        f"{_count(fates['made'], 'mutant')} made by changing one thing, {fates['refuted']} were refuted and {fates['still true']} "
        f"proved to be still true; {fates['survived'] or 'none'} survived."
    )
    if judged:
        said += f" {_count(len(judged), 'claim')} about behaviour were put to an experiment."
    head = ["| claim | kind | status | cases | near misses | mutants |", "|:---|:---|:---|---:|---:|---:|"]
    for entry in entries:
        cases = entry.get("check", {}).get("cases", "")
        near, made = len(entry["near_misses"]) or "", entry["mutants"]["made"] or ""
        head.append(
            f"| [`{entry['id']}`](#ledger-{entry['id']}) | {entry['kind']} | {entry['status']} | {cases} | {near} | {made} |"
        )
    return "\n\n".join([said, "\n".join(head)])


def _title(notebook):
    heads = (line for cell in notebook.cells for line in cell.source.splitlines() if line.startswith("# "))
    return next(heads, "# ")[2:]


def _number(value):
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return rf"${mantissa} \times 10^{{{int(exponent)}}}$" if value else "$0$"


def _link(address, text):
    return f'<a href="../{address}">{text}</a>'


def _ids(ids):
    return ", ".join(f"[`{id}`](#ledger-{id})" for id in ids)


def _block(entry, titles):
    id = entry["id"]
    lines = [
        f"(ledger-{id})=\n### {id}",
        f"*{entry['kind'].capitalize()}*, in {_link(entry['address'], titles.get(entry['page'], entry['page']))}.",
    ]
    lines.append(entry.get("latex") or entry["says"])
    items = []
    if "proof" in entry:
        resting = f", resting on {_ids(entry['rests_on'])}" if entry["rests_on"] else ""
        items.append(f"{_link(entry['proof']['cell'], 'Proved')} by {', '.join(entry['proof']['rules'])}{resting}.")
    if entry["proved_again"]:
        items.append(
            f"Proved again in {', '.join(_link(f'{page}.html', titles.get(page, page)) for page in entry['proved_again'])}."
        )
    if "check" in entry:
        items.append(f"{_link(entry['check']['cell'], 'Checked')} {entry['check']['shown']}.")
    for miss in entry["near_misses"]:
        shown = miss["shown"].replace("✗ **False**: ", "").replace("\n\n", " ")
        items.append(f"{_link(miss['cell'], 'Refuted')}: {shown}")
    if made := entry["mutants"]["made"]:
        fates = ", ".join(
            f"{entry['mutants'][fate]} {fate}"
            for fate in ("refuted", "still true", "survived")
            if entry["mutants"][fate]
        )
        items.append(f"Of {_count(made, 'mutant')}: {fates}.")
    if "verdict" in entry:
        verdict = entry["verdict"]
        items.append(f"{_link(verdict['cell'], verdict['outcome'].capitalize())}; measured: {verdict['measured']}.")
        items += [
            f"{found['compared'][:1].upper() + found['compared'][1:]}: {found['range']}; {found['verdict']} ({'; '.join(found['seen'])})."
            for found in verdict["differences"]
        ]
    if entry["carries"]:
        items.append(f"Carries {_ids(entry['carries'])}.")
    return "\n\n".join([*lines, "\n".join(f"- {item}" for item in items)])


# In the build


def settle(app, env, added, changed, removed):
    """Have the mutants examined, and hold the evidence against the contract, in every build."""
    app.contract = contract_of(Path(app.srcdir, "book", "claims.toml"))
    homes = {id: claim.get("chapter") for id, claim in app.contract["claims"].items()}
    app.evidence += examined(app.evidence, homes, Path(env.mystnb_config.execution_cache_path, "mutants"))
    for said in verify(app.contract, app.evidence):
        logger.warning("the ledger: %s", said)
    return []


def fill(app, page, content):
    """Put the ledger where its page asks for it."""
    if "<!-- ledger: " in content[0]:
        titles = {name: _title(notebook) for name, notebook in app.executed.items()}
        for name, text in page_of(rows(app.contract, app.evidence), titles).items():
            content[0] = content[0].replace(f"<!-- ledger: {name} -->", text)


def at_home(app, env):
    """Each claim has its address in its chapter; that of a lemma is the cell that proves it."""
    labels = env.get_domain("std").anonlabels
    for id, claim in app.contract["claims"].items():
        if claim.get("kind") == "lemma":
            continue
        page = labels.get(id, [""])[0]
        if page.split("/")[-1] != claim.get("chapter"):
            logger.warning("the ledger: %s: the chapter %s has no label (%s)=", id, claim.get("chapter"), id)


def write(app, exception):
    """The ledger as JSON beside the site: an output, made anew in every build."""
    if exception is None and app.contract["claims"]:
        found = {"definitions": app.contract["definitions"], "claims": rows(app.contract, app.evidence)}
        Path(app.outdir, "ledger.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def setup(app):
    app.contract = contract_of(Path("nowhere"))
    app.connect("env-get-outdated", settle, priority=600)  # after the chapters have run
    app.connect("source-read", fill)
    app.connect("env-check-consistency", at_home)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
