"""Hypothesis without deadlines (machines are shared), and the same cases in every run; one thread for each process."""

import os

from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # there are as many of them as cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")
