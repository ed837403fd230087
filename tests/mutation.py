"""Has mutmut try a random sample of the mutants of one module.

    python tests/mutation.py MODULE [SEED [SIZE]]

draws SIZE of the mutants of `lossmath/MODULE.py`, such as `claims/signs` (by default 40), with SEED (by default 1).
All of them take hours; a sample tells how many the tests kill. `mutmut show NAME` then shows one that survived; see
`survivors.md`.
"""

import random
import subprocess
import sys
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name


def drawn(module, seed=1, size=40):
    """The names of the mutants in the sample."""
    source = Path("lossmath", f"{module}.py")
    made = mutate_file_contents(str(source), source.read_text(encoding="utf-8")).mutant_names
    names = sorted(get_mutant_name(source, name) for name in made)
    return random.Random(seed).sample(names, min(size, len(names)))


if __name__ == "__main__":
    module, *numbers = sys.argv[1:]
    sys.exit(subprocess.run([sys.executable, "-m", "mutmut", "run", *drawn(module, *map(int, numbers))]).returncode)
