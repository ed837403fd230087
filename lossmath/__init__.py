"""Cross-entropy, label smoothing and focal loss: stated, proved, checked, and computed accurately.

Import the module you need: the symbolic side (`lossmath.claims.quantities`) works without PyTorch, and the losses
(`lossmath.losses`) work without SymPy.
"""

import os as _os

__version__ = "0.1.0"

# torch's threads, where they wait for each other, should sleep and not spin: on cores that others use too, spinning makes the
# training of small models ten times slower. It is read when torch is loaded, so it works where lossmath is imported first.
_os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# SymPy remembers 1000 results of each function, and forgets those that the next line of a proof asks for again.
_os.environ.setdefault("SYMPY_CACHE_SIZE", "20000")
