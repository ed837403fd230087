"""Has the mutants of what the chapters proved refuted or proved, on all cores, and once.

What became of them is kept with the outputs of the cells, for as long as the proofs stay the same.
"""

import json
import os
from hashlib import sha256
from time import perf_counter

from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)


def examined(records, homes, folder):
    """A record of the mutants of each claim that is proved at home, from those in the folder or else made now.

    `homes` has the chapter of each claim.
    """
    proofs = {record["claim"]: record for record in records if "proof" in record and _at_home(record, homes)}
    known = {
        page: [one["proof"] for one in records if one["page"] == page and "proof" in one]
        for page in {record["page"] for record in proofs.values()}
    }
    jobs = {
        (id, part): (record["proof"], part, known[record["page"]])
        for id, record in proofs.items()
        for part in (*range(len(record["statements"])), None)
    }
    paths = {of: folder / f"{sha256(json.dumps(job).encode()).hexdigest()[:32]}.json" for of, job in jobs.items()}
    _make({path: jobs[of] for of, path in paths.items() if not path.exists()})
    for id, record in proofs.items():
        found = [
            mutant for (of, _), path in paths.items() if of == id for mutant in json.loads(path.read_text("utf-8"))
        ]
        claim = {key: record[key] for key in ("claim", "statements", "given", "equality", "where", "page", "cell")}
        yield claim | {"verb": "mutate", "mutants": found}


def _at_home(record, homes):
    return record["page"].split("/")[-1] == homes.get(record["claim"])


def _make(jobs):
    if not jobs:
        return
    from joblib import Parallel, delayed

    start = perf_counter()
    made = Parallel(n_jobs=max(2, os.cpu_count() or 0), return_as="generator")(
        delayed(_examine)(*job) for job in jobs.values()
    )
    survived = []
    for path, found in zip(jobs, made):
        if isinstance(found, str):
            survived.append(found)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, ensure_ascii=False), "utf-8")
    if survived:
        raise ExtensionError("a mutant of an identity survived: " + "; ".join(survived))
    logger.info("Examined the mutants of %d statements in %.2f seconds", len(jobs), perf_counter() - start)


def _examine(*job):
    """In another process, which imports the package; the build itself does not."""
    from lossmath.claims.mutation import Survived, examine

    try:
        return examine(*job)
    except Survived as error:
        return str(error)
