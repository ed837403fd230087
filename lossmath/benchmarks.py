"""How accurate and how fast `lossmath.losses` is, side by side with torch, kornia and the usual recipe.

    python -m lossmath.benchmarks

prints both tables in Markdown. Accuracy is measured against mpmath, time against `torch.nn.functional.cross_entropy` in the same
process, turn by turn. kornia is measured where it is installed; the package does not need it.
"""

from __future__ import annotations

import math
import statistics
import time

import mpmath
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.functional import cross_entropy as torch_cross_entropy
from torch.nn.functional import one_hot
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lossmath import losses
from lossmath.claims.check import choose_device

GAMMAS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
SHAPES = ((8192, 10), (4096, 1000), (256, 50257))


def truth(logits, p, gamma, digits=60):
    """Σ_k p_k (1 - q_k)^γ (-log q_k) and its gradient in the logits, in multiple precision, from lists of numbers.

    It is exact for what is given: 1 - q_k is a sum here, so that any lead of one logit needs no more digits.
    """
    with mpmath.workdps(digits):
        logits, p, gamma = [mpmath.mpf(z) for z in logits], [mpmath.mpf(x) for x in p], mpmath.mpf(gamma)
        top = max(range(len(logits)), key=logits.__getitem__)
        shares = [mpmath.exp(z - logits[top]) for z in logits]
        others = mpmath.fsum(share for k, share in enumerate(shares) if k != top)
        q = [share / (1 + others) for share in shares]
        miss = [others / (1 + others) if k == top else 1 - q[k] for k in range(len(q))]
        log_total = mpmath.log1p(others)
        value, slopes = mpmath.mpf(0), [mpmath.mpf(0)] * len(q)
        for k, share in enumerate(p):
            if share:
                loss = log_total - (logits[k] - logits[top])
                focus = miss[k] ** gamma
                value += share * focus * loss
                # -q d/dq of (1 - q)^γ (-log q), which is 1 at q = 0
                turn = gamma * q[k] * focus / miss[k] * loss if q[k] and miss[k] else 0
                slopes[k] = share * (focus + turn)
        total = mpmath.fsum(slopes)
        return value, [q[k] * (total - slope) - miss[k] * slope for k, slope in enumerate(slopes)]


def recipe(z, y, gamma, reduction="mean"):
    """The focal loss as it is usually written."""
    ce = torch_cross_entropy(z, y, reduction="none")
    rows = (1 - (-ce).exp()) ** gamma * ce
    return rows if reduction == "none" else getattr(rows, reduction)()


def competitors():
    """The losses that are compared, as functions of logits, labels, γ and the reduction; torch has γ = 0 only."""
    found = {
        "lossmath": lambda z, y, gamma, reduction="mean": losses.focal_loss(z, y, gamma, reduction=reduction),
        "torch (γ = 0)": lambda z, y, gamma, reduction="mean": torch_cross_entropy(z, y, reduction=reduction),
        "(1 − exp(−ce))^γ · ce": recipe,
    }
    try:
        from kornia.losses import focal_loss
    except ImportError:
        return found
    return found | {"kornia": lambda z, y, gamma, reduction="mean": focal_loss(z, y, None, gamma, reduction)}


def cases():
    """Single-precision logits and labels: random ones of every size, and leads of the label on both sides."""
    generator = torch.Generator().manual_seed(0)
    for classes in (2, 10, 1000):
        for scale in (1.0, 10.0, 100.0, 1e4):
            z = scale * torch.randn(classes, generator=generator)
            for label in (0, z.argmax().item(), z.argmin().item()):
                yield z, label
    for lead in (-100.0, -20.0, 0.0, 5.0, 10.0, 15.0, 17.0, 20.0, 40.0, 60.0, 80.0, 100.0):
        yield torch.tensor([0.0, lead, -1.0, 0.0]), 1
    yield torch.tensor([1e4, -1e4]), 1
    yield torch.tensor([1.0, 3.0, -torch.inf]), 1


def accuracy(device):
    """Lines of the first table."""
    tiny = 2 * torch.finfo(torch.float32).smallest_normal
    drawn = list(cases())
    expected = {
        (n, gamma): truth(z.tolist(), one_hot(torch.tensor(y), len(z)).tolist(), gamma)
        for n, (z, y) in enumerate(drawn)
        for gamma in GAMMAS
    }
    yield "| | worst value | worst gradient | false zeros | NaN gradients | cases |"
    yield "|---|---|---|---|---|---|"
    for name, function in competitors().items():
        worst, steepest, zeros, nans, count = 0.0, 0.0, 0, 0, 0
        for (n, gamma), (value, gradient) in expected.items():
            if gamma and "γ = 0" in name:
                continue
            z = drawn[n][0][None].to(device, copy=True).requires_grad_()
            y = torch.tensor([drawn[n][1]], device=device)
            loss = function(z, y, gamma, "sum")  # kornia's mean is over the classes too
            loss.backward()
            slope, norm = z.grad[0].tolist(), mpmath.norm(gradient)
            count += 1
            if value > tiny:
                worst = max(worst, float(abs(loss.item() - value) / value))
                zeros += loss.item() == 0
            if any(map(math.isnan, slope)):
                nans += 1
            elif norm > tiny:
                steepest = max(steepest, float(mpmath.norm([x - t for x, t in zip(slope, gradient)]) / norm))
        yield f"| {name} | {worst:.1e} | {steepest:.1e} | {zeros} | {nans} | {count} |"


def peak_memory(function, z, y):
    """The most memory in bytes that the forward and backward pass held at once, besides logits and labels."""
    z = z.detach().requires_grad_()
    if z.is_cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function(z, y).backward()
        return torch.cuda.max_memory_allocated() - before
    with _Memory(z, y) as memory:
        function(z, y).backward()
    return memory.peak


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


def measure(functions, z, y, seconds):
    """The times in seconds of forward and backward, interleaved, of each function."""
    z = z.detach().requires_grad_()
    times = {name: [] for name in functions}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["torch"]) < 5:
        for name, function in functions.items():
            z.grad = None
            _wait(z)
            start = time.perf_counter()
            function(z, y).backward()
            _wait(z)
            times[name].append(time.perf_counter() - start)
    return {name: lasted[1:] for name, lasted in times.items()}  # the first warms up


def _wait(z):
    if z.is_cuda:
        torch.cuda.synchronize()


def bandwidth(device):
    """Bytes per second that a copy of 1 GiB moves on a GPU."""
    source = torch.empty(2**28, device=device)
    goal = torch.empty_like(source)
    lasted = []
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        goal.copy_(source)
        torch.cuda.synchronize()
        lasted.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(lasted)


def speed(device, seconds=10.0):
    """Lines of the second table."""
    functions = {"torch": torch_cross_entropy, "lossmath": losses.cross_entropy}
    for name, function in competitors().items():
        if "torch" not in name:
            functions[f"{name}, γ = 2"] = lambda z, y, function=function: function(z, y, 2.0)
    on_gpu = device.type == "cuda"
    top = bandwidth(device) if on_gpu else None
    yield (
        "| logits | | least time, ms | of torch's | median of the ratio | peak memory, of the logits |"
        + " bandwidth |" * on_gpu
    )
    yield "|---|---|---|---|---|---|" + "---|" * on_gpu
    for shape in SHAPES:
        z, y = torch.randn(shape, device=device), torch.randint(shape[1], shape[:1], device=device)
        times = measure(functions, z, y, seconds)
        for name, function in functions.items():
            least = min(times[name])
            turns = [ours / theirs for ours, theirs in zip(times[name], times["torch"])]
            ratios = f"{least / min(times['torch']):.2f} | {statistics.median(turns):.2f}"
            line = f"| {shape} | {name} | {1e3 * least:.2f} | {ratios} | {peak_memory(function, z, y) / z.nbytes:.2f} |"
            # the least that any implementation moves: read the logits, write the gradient
            yield line + f" {2 * z.nbytes / least / top:.0%} |" * on_gpu if on_gpu else line


def main():
    device = choose_device()
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU thread(s)"
    print(f"torch {torch.__version__} on {where}\n")
    if "kornia" not in competitors():
        print("kornia is not installed, and not measured.\n")
    torch.manual_seed(0)
    for table in (accuracy, speed):
        for line in table(device):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
