from lossmath.claims.counterexample import Point  # noqa: F401
