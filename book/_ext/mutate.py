"""Has the mutants of what the chapters proved examined, on all cores, and once for as long as the proofs stay."""

import gc
import os
from time import perf_counter

from joblib import Memory, Parallel, delayed
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)


def examined(records, folder):
    """A record of the mutants of each claim that `records` prove, from those in the folder or else made now."""
    examine = Memory(folder, verbose=0).cache(_examine)
    proofs = {record["claim"]: record for record in records if "proof" in record}
    jobs = {id: [(one["proof"], part) for part in (*range(len(one["statements"])), None)] for id, one in proofs.items()}
    new = [job for of_claim in jobs.values() for job in of_claim if not examine.check_call_in_cache(*job)]
    if new:
        start = perf_counter()
        Parallel(n_jobs=max(2, os.cpu_count() or 0))(delayed(examine)(*job) for job in new)
        logger.info("Examined the mutants of %d statements in %.2f seconds", len(new), perf_counter() - start)
    for id, record in proofs.items():
        yield record | {"verb": "mutate", "mutants": [mutant for job in jobs[id] for mutant in examine(*job)]}


def _examine(packed, part):
    """In another process, which imports the package; the build itself does not."""
    from lossmath.claims import evidence, mutation

    gc.set_threshold(100_000, 20, 20)  # as in the chapters' kernels
    try:
        return [mutant.record() for mutant in mutation.examine(evidence.unpack(packed), part)]
    except mutation.Survived as error:
        raise ExtensionError(f"a mutant of an identity survived: {error}") from None
