"""Hypothesis without deadlines (machines are shared), and the same cases in every run."""

from hypothesis import settings

settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")
