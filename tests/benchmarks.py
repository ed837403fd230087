"""How accurate, how fast and how large `lossmath.losses` is, beside torch, the usual recipes, torchvision and kornia.

    .venv/bin/python tests/benchmarks.py

prints tables in Markdown; names of tables and a number of seconds for each time choose among them: `times 0.5`. Times
are least ones of forward and backward, turn by turn. Errors are against numpy's long double, which has 64 bits on x86;
those of components of gradients are the worst where torch, or the recipe, has two digits of them.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.benchmark import Timer

from lossmath import losses
from lossmath.reference import recipe

SMALL = (32, 10)
SHAPES = (8192, 10), (4096, 1000), (256, 50257), (65536, 16), (2, 21, 512, 512), (2, 3, 512, 512), (4, 50257, 64)
CONFIDENT = (8192, 10), (4096, 1000), (65536, 16), (2, 3, 512, 512)
IGNORING = (256, 50257), (2, 21, 512, 512)
GAMMAS = (0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0)
DTYPES = torch.float32, torch.bfloat16, torch.float16


def recipe_for_mixtures(z, p, gamma, reduction="mean"):
    """The focal loss of target probabilities as it is usually written."""
    logs = F.log_softmax(z, 1)
    rows = (p * (1 - logs.exp()) ** gamma * -logs).sum(1)
    return rows if reduction == "none" else rows.mean()


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


def draw_confident(shape):
    """As of a model that has learnt: the labels lead by 12, and the soft targets are more confident still."""
    z, y, _ = draw(shape)
    z = z.detach() + 12 * F.one_hot(y, shape[1]).movedim(-1, 1)
    return z.requires_grad_(), y, (4 * z.detach()).softmax(1)


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
    for shape, make in [
        *((shape, draw) for shape in (SMALL, *SHAPES)),
        *((shape, draw_confident) for shape in CONFIDENT),
    ]:
        found = [measure_times(pair, make(shape), seconds) for pair in pairs().values()]
        name = shape if make is draw else f"{shape}, confident"
        write([name, *(f"{1e3 * ours:.2f} ({ours / theirs:.2f})" for ours, theirs in found)])
    for shape in IGNORING:
        z, y, p = draw(shape)
        y[torch.rand(y.shape, generator=torch.Generator().manual_seed(1)) < 0.1] = -100
        found = [measure_times(pairs()[kind], (z, y, p), seconds) for kind in ("CE, hard", "CE, smoothed")]
        hard, smoothed = (f"{1e3 * ours:.2f} ({ours / theirs:.2f})" for ours, theirs in found)
        write([f"{shape}, a tenth ignored", hard, "", smoothed, *[""] * 3])
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


def textbook(z, p, gamma):
    """Σ_k p_k (1 - q_k)^γ (-log q_k) of each row and its gradient, in numpy's long double.

    1 - q of the largest class is the sum of the others, so that no confident row loses its digits.
    """
    z, p = (_rows(x).astype(np.longdouble) for x in (z, p))
    largest = z.max(1, keepdims=True)
    shares = np.exp(z - largest)
    others = _sum_others(shares)[np.arange(len(z)), z.argmax(1)][:, None]
    q, miss = shares / (1 + others), _sum_others(shares) / (1 + others)
    loss = np.log1p(others) + (largest - z)
    focus = p * miss**gamma
    slopes = focus + gamma * q * focus / np.where(miss > 0, miss, 1) * loss
    return (focus * loss).sum(1), q * _sum_others(slopes) - miss * slopes


def _rows(x):
    return x.detach().movedim(1, -1).reshape(-1, x.shape[1]).double().numpy()


def _sum_others(x):
    """For each class the sum over the others, of which none is taken away."""
    none = np.zeros_like(x[:, :1])
    before, after = np.cumsum(x[:, :-1], 1), np.cumsum(x[:, :0:-1], 1)[:, ::-1]
    return np.hstack([none, before]) + np.hstack([after, none])


def errors(functions, z, p, gamma):
    """For each loss: the worst relative error of its values, of its gradients in norm, and of their components where
    the last loss has digits; how many values are false zeros, and how many gradients NaN."""
    value, slope = textbook(z, p, gamma)
    counted = value > 2 * torch.finfo(z.dtype).smallest_normal
    value, slope = value[counted], slope[counted]
    seen, known = {}, abs(slope) > torch.finfo(z.dtype).smallest_normal
    for name, function in reversed(functions.items()):
        rows, slopes = gradient(function, z)
        rows, slopes = rows.flatten().double().numpy()[counted], _rows(slopes)[counted]
        norms = np.sqrt(((slopes - slope) ** 2).sum(1) / (slope**2).sum(1))
        parts = abs(slopes - slope) / np.where(known, abs(slope), 1)
        known = known if seen else known & (parts < 0.01)
        worst = [float(np.max(x, initial=0)) for x in (abs(rows - value) / value, norms, parts[known])]
        seen[name] = [*worst, int((rows == 0).sum()), int(np.isnan(slopes).any(1).sum())]
    return seen


def compared(y, p, gamma):
    """Kinds of targets: their probabilities, in 64 bits, and the losses of them."""
    mixed = smooth(y, p.shape[1], torch.float64)
    options = {"reduction": "none"}
    return {
        "labels": (
            smooth(y, p.shape[1], torch.float64, 0.0),
            {
                "lossmath": lambda z: losses.focal_loss(z, y, gamma, **options),
                "torch (γ = 0), the recipe": lambda z: recipe(z, y, gamma, "none"),
            },
        ),
        "soft targets": (
            p.double(),
            {
                "lossmath": lambda z: losses.focal_loss(z, p, gamma, **options),
                "the recipe": lambda z: recipe_for_mixtures(z, p, gamma, "none"),
            },
        ),
        "smoothed labels": (
            mixed,
            {
                "lossmath": lambda z: losses.focal_loss(z, y, gamma, label_smoothing=0.1, **options),
                "the recipe": lambda z: recipe_for_mixtures(z, mixed.to(z.dtype), gamma, "none"),
            },
        ),
    }


def accuracy(seconds):
    found = {}
    few, many = [(8, 10), (8, 16), (1, 21, 2, 2), (1, 3, 4, 4), (4, 2)], [(4, 1000), (2, 50257), (2, 50257, 3)]
    for dtype, shape in itertools.product((torch.float32, torch.float64), few + many):
        kinds, y, p = logits(shape, dtype)
        for z, gamma in itertools.product(kinds.values(), GAMMAS):
            for target, (q, functions) in compared(y, p, gamma).items():
                for name, (*worst, zeros, nans) in errors(functions, z, q, gamma).items():
                    seen = found.setdefault((name, target, str(dtype)[6:]), [0.0, 0.0, 0.0, 0, 0, 0])
                    counts = zip(seen[3:], (zeros, nans, len(y.flatten())))
                    seen[:] = [*map(max, seen, worst), *map(sum, counts)]
    write(["worst relative error", "value", "gradient", "component", "false zeros", "NaN gradients", "rows"])
    write(["---"] * 7)
    for name, (*worst, zeros, nans, rows) in sorted(found.items()):
        write([", ".join(name), *(f"{x:.1e}" for x in worst), zeros, nans, rows])


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
            print(f"{name} cannot be imported, and is not measured.")
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
