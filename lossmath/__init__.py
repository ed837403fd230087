"""Cross-entropy, label smoothing and focal loss: stated, proved, checked, and computed accurately.

Import the module you need: the symbolic side (`lossmath.symbolic`) works without PyTorch, and the losses
(`lossmath.losses`) work without SymPy.
"""

__version__ = "0.1.0"
