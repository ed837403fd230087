"""Cross-entropy, label smoothing and focal loss: stated, proved, checked, and computed accurately.

Import the part you need: the claims (`lossmath.claims`) work without torch and NumPy, but for their check; the losses
(`lossmath.losses`) and measures of calibration (`lossmath.calibration`) without SymPy.
"""

__version__ = "0.2.0"
