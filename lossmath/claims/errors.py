"""What a verb raises when it does not succeed. Malformed input raises ValueError or TypeError instead."""


class ProofError(Exception):
    """A statement was not proved. The message says whether it is false, or what was left over."""


class CheckError(Exception):
    """A claim does not hold numerically. The message gives the failing case."""


class NotRefuted(Exception):
    """No counterexample was found, which proves nothing."""


class Undefined(ArithmeticError):
    """An expression has no real value at a point."""
