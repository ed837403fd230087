"""How accurate, how fast and how large `lossmath.losses` is, beside torch, the usual recipes, torchvision and kornia.

    .venv/bin/python tests/benchmarks.py

prints tables in Markdown; names of tables and a number of seconds for each time choose among them: `times 0.5`. Times
are least ones of forward and backward, turn by turn. Of hard labels one row of each case is measured, in mpmath, or
for many classes by the textbook's formula in numpy's long double; of soft and smoothed ones, whose losses are not
small, all rows are, in float64 by torch.
"""

from __future__ import annotations

import importlib
import sys
import warnings

import mpmath
import numpy as np
import torch
import torch.nn.functional as F
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.benchmark import Timer

from lossmath import losses
from lossmath.reference import recipe, truth

SMALL = (32, 10)
SHAPES = (8192, 10), (4096, 1000), (256, 50257), (65536, 16), (2, 21, 512, 512), (2, 3, 512, 512), (4, 50257, 64)
GAMMAS = (0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0)
DTYPES = torch.float32, torch.bfloat16, torch.float16


def recipe_for_mixtures(z, p, gamma):
    """The focal loss of target probabilities as it is usually written."""
    logs = F.log_softmax(z, 1)
    return (p * (1 - logs.exp()) ** gamma * -logs).sum(1).mean()


def smooth(y, classes, dtype, epsilon=0.1):
    return F.one_hot(y, classes).movedim(-1, 1).to(dtype) * (1 - epsilon) + epsilon / classes


def pairs(gamma=2.0):
    """For each kind of loss: ours and what it replaces, as functions of logits, labels and soft targets."""
    return {
        "CE, hard": (lambda z, y, p: losses.cross_entropy(z, y), lambda z, y, p: F.cross_entropy(z, y)),
        "CE, soft": (lambda z, y, p: losses.cross_entropy(z, p), lambda z, y, p: F.cross_entropy(z, p)),
        "CE, smoothed": (
            lambda z, y, p: losses.cross_entropy(z, y, label_smoothing=0.1),
            lambda z, y, p: F.cross_entropy(z, y, label_smoothing=0.1),
        ),
        "focal, hard": (lambda z, y, p: losses.focal_loss(z, y, gamma), lambda z, y, p: recipe(z, y, gamma)),
        "focal, soft": (
            lambda z, y, p: losses.focal_loss(z, p, gamma),
            lambda z, y, p: recipe_for_mixtures(z, p, gamma),
        ),
        "focal, smoothed": (
            lambda z, y, p: losses.focal_loss(z, y, gamma, label_smoothing=0.1),
            lambda z, y, p: recipe_for_mixtures(z, smooth(y, z.shape[1], z.dtype), gamma),
        ),
    }


def divergences():
    """Those of p from q, both logits: ours, and torch's of log-softmaxes."""
    return (
        lambda z, y, p: losses.kl_divergence(z, p, logits=True).sum(),
        lambda z, y, p: F.kl_div(p.log_softmax(1), z.log_softmax(1), reduction="sum", log_target=True),
    )


def draw(shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(shape, generator=generator).to(dtype).requires_grad_()
    y = torch.randint(shape[1], shape[:1] + shape[2:], generator=generator)
    return z, y, torch.randn(shape, generator=generator).softmax(1).to(dtype)


def measure_times(functions, arguments, seconds):
    """The least time in seconds of forward and backward of each function, turn by turn."""

    def step(function):
        arguments[0].grad = None
        function(*arguments).backward()

    threads = torch.get_num_threads()
    timers = [Timer("step(f)", globals={"step": step, "f": f}, num_threads=threads) for f in functions]
    least, spent = [float("inf")] * len(functions), 0.0
    while spent < seconds:
        for n, timer in enumerate(timers):
            lasted = timer.timeit(1).mean
            least[n], spent = min(least[n], lasted), spent + lasted
    return least


class _Memory(TorchDispatchMode):
    """Watches the storages that operations make, and the most bytes of them alive at once."""

    def __init__(self, *known):
        super().__init__()
        self.known = {StorageWeakRef(x.untyped_storage()) for x in known}
        self.alive, self.peak = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for x in tree_leaves(made):
            if isinstance(x, torch.Tensor) and (storage := StorageWeakRef(x.untyped_storage())) not in self.known:
                self.alive[storage] = x.untyped_storage().nbytes()
        self.alive = {storage: size for storage, size in self.alive.items() if not storage.expired()}
        self.peak = max(self.peak, sum(self.alive.values()))
        return made


def peak_memory(function, *arguments):
    """The most bytes that forward and backward held at once, besides the arguments."""
    arguments[0].grad = None
    with _Memory(*arguments) as memory:
        function(*arguments).backward()
    return memory.peak


def write(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def times(seconds):
    write(["least time, ms (of torch's, or the recipe's)", *pairs()])
    write(["---"] * 7)
    for shape in (SMALL, *SHAPES):
        arguments = draw(shape)
        found = [measure_times(pair, arguments, seconds) for pair in pairs().values()]
        write([shape, *(f"{1e3 * ours:.2f} ({ours / theirs:.2f})" for ours, theirs in found)])
    z, y, q = draw((64, 50000))
    ours, theirs = measure_times(divergences(), (z, y, q), seconds)
    write([f"kl_divergence, {tuple(z.shape)}", f"{1e3 * ours:.2f} ({ours / theirs:.2f})", *[""] * 5])


def memory(seconds):
    write(["peak memory, in logits: ours and torch's, or the recipe's", *pairs()])
    write(["---"] * 7)
    for shape in SHAPES:
        for dtype in DTYPES:
            arguments = draw(shape, dtype)
            found = [[peak_memory(f, *arguments) / arguments[0].nbytes for f in pair] for pair in pairs().values()]
            write([f"{shape}, {str(dtype)[6:]}", *(f"{ours:.2f}, {theirs:.2f}" for ours, theirs in found)])
    found = [peak_memory(f, *draw((64, 50000))) / (64 * 50000 * 4) for f in divergences()]
    write(["kl_divergence, (64, 50000), float32", "{:.2f}, {:.2f}".format(*found), *[""] * 5])


def logits(shape, dtype):
    """Equal, random, confident and wrong logits and their labels, with a few rows of which the rest is like."""
    z, y, p = draw(shape, torch.float64)
    z = z.detach().to(dtype)
    kinds = {"equal": torch.zeros_like(z), "random": 3 * z}
    for lead in (5, 12, 16.5, 20, 30):
        kinds[f"leads by {lead}"] = z.scatter(1, y.unsqueeze(1), lead)
    kinds["wrong by 50"] = z.scatter(1, y.unsqueeze(1), -50)
    return kinds, y, p.to(dtype)


def gradient(function, z):
    z = z.detach().requires_grad_()
    rows = function(z)
    return rows.detach(), torch.autograd.grad(rows.sum(), z)[0]


def textbook(row, label, gamma):
    """The focal loss of a label and its gradient as textbooks do, in 64 bits: enough where many share 1 - q."""
    z = np.asarray(row, dtype=np.longdouble)
    q = np.exp(z - z.max())
    q /= q.sum()
    miss, loss = 1 - q[label], -np.log(q[label])
    slope = miss**gamma + gamma * miss ** (gamma - 1) * q[label] * loss
    return miss**gamma * loss, slope * (q - (np.arange(len(q)) == label))


def hard_errors(functions, z, y, gamma):
    """Relative errors of the value and, in norm, of the gradient of the first row; whether a value is a false zero."""
    row, label = z.movedim(1, -1).reshape(-1, z.shape[1])[0], y.flatten()[0].item()
    if len(row) < 1000:
        value, slope = truth(row.tolist(), [float(k == label) for k in range(len(row))], gamma)
        value, slope = (np.vectorize(lambda x: np.longdouble(mpmath.nstr(x, 25)))(x) for x in (value, np.array(slope)))
    else:
        value, slope = textbook(row.tolist(), label, gamma)
    if value < 2 * torch.finfo(z.dtype).smallest_normal:
        return
    for name, function in functions.items():
        rows, slopes = gradient(lambda z, function=function: function(z, y, gamma), z)
        got = slopes.movedim(1, -1).reshape(-1, z.shape[1])[0].tolist()
        found, nan = rows.flatten()[0].item(), bool(slopes.isnan().any())
        off = np.sqrt(((np.asarray(got, dtype=np.longdouble) - slope) ** 2).sum() / (slope**2).sum())
        yield name, float(abs(found - value) / value), float(off), found == 0, nan


def soft_errors(z, target, p, gamma, epsilon):
    """The same of all rows of soft or smoothed targets, against float64."""

    def exact(z):
        logs = F.log_softmax(z, 1)
        return (p.double() * (1 - logs.exp()) ** gamma * -logs).sum(1)

    def ours(z):
        return losses.focal_loss(z, target, gamma, reduction="none", label_smoothing=epsilon)

    (value, slope), (rows, slopes) = gradient(exact, z.double()), gradient(ours, z)
    off = (slopes - slope).norm(dim=1) / slope.norm(dim=1)
    return ((rows - value).abs() / value).max().item(), off.max().item()


def accuracy(seconds):
    functions = {
        "lossmath": lambda z, y, gamma: losses.focal_loss(z, y, gamma, reduction="none"),
        "torch (γ = 0), the recipe": lambda z, y, gamma: recipe(z, y, gamma, "none"),
    }
    found = {}
    few, many = [(8, 10), (8, 16), (1, 21, 2, 2), (1, 3, 4, 4), (4, 2)], [(4, 1000), (2, 50257), (2, 50257, 3)]
    for dtype, shapes in ((torch.float32, few + many), (torch.float64, few)):
        for shape in shapes:
            kinds, y, p = logits(shape, dtype)
            for kind, z in kinds.items():
                for gamma in GAMMAS:
                    for name, value, slope, zero, nan in hard_errors(functions, z, y, gamma):
                        seen = found.setdefault((name, dtype), [0.0, 0.0, 0, 0, 0])
                        seen[:] = [max(seen[0], value), max(seen[1], slope), seen[2] + zero, seen[3] + nan, seen[4] + 1]
                    if dtype is torch.float32 and kind in ("equal", "random", "wrong by 50"):
                        mixed = smooth(y, shape[1], torch.float64)
                        for target, q, epsilon in ((p, p, 0.0), (y, mixed, 0.1)):
                            seen = found.setdefault(("lossmath, soft and smoothed", dtype), [0.0, 0.0, 0, 0, 0])
                            value, slope = soft_errors(z, target, q, gamma, epsilon)
                            seen[:] = [max(seen[0], value), max(seen[1], slope), 0, 0, seen[4] + 1]
    write(["", "worst value", "worst gradient", "false zeros", "NaN gradients", "cases"])
    write(["---"] * 6)
    for (name, dtype), (value, slope, *counts) in found.items():
        write([f"{name}, {str(dtype)[6:]}", f"{value:.1e}", f"{slope:.1e}", *counts])


def others(seconds):
    """Sigmoid focal loss beside torchvision's, focal loss beside kornia's, where they are installed."""
    z, y, p = draw((8192, 10))
    for name, module, ours, theirs in (
        ("torchvision", "torchvision.ops", lambda z, y, p: losses.sigmoid_focal_loss(z, p, reduction="mean"),
         lambda m: lambda z, y, p: m.sigmoid_focal_loss(z, p, reduction="mean")),
        ("kornia", "kornia.losses", lambda z, y, p: losses.focal_loss(z, y, 2.0),
         lambda m: lambda z, y, p: m.focal_loss(z, y, None, 2.0, "mean")),
    ):  # fmt: skip
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = importlib.import_module(module)
        except (ImportError, RuntimeError):
            print(f"{name} is not installed, and not measured.")
            continue
        mine, other = measure_times((ours, theirs(found)), (z, y, p), seconds)
        print(f"{name}, (8192, 10): {1e3 * mine:.2f} ms, {mine / other:.2f} of its time")


def main(arguments):
    seconds = next((float(x) for x in arguments if x[0].isdigit()), 2.0)
    print(f"torch {torch.__version__} on {torch.get_num_threads()} CPU thread(s)\n")
    for table in (accuracy, times, memory, others):
        if table.__name__ in arguments or not set(arguments) & {"accuracy", "times", "memory", "others"}:
            table(seconds)
            print()


if __name__ == "__main__":
    main(sys.argv[1:])
