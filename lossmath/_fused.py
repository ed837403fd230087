"""Losses and their slopes together, for training: what `lossmath.losses` uses where nothing more is asked.

A kernel takes a part of the logits, so that what it makes stays in a cache, and writes the slopes, which are all that
is kept of it. What is not confident is computed as torch does. Rows whose loss is small are computed again with care:
1 - q of the class that has nearly all of the probability is then the sum of the others, its -log q a log1p of that,
and its slope minus the other slopes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from lossmath._validation import EVEN, extremes, sum_classes, widen


def expm1_less(t):
    """exp(t) - 1 - t, >= 0, with all its digits next to t = 0."""
    near = t.abs() < 0.01
    small = t.where(near, 0.0)
    series = small.square() * (0.5 + small * (1 / 6 + small * (1 / 24 + small * (1 / 120 + small / 720))))
    return torch.where(near, series, torch.expm1(t) - t)


class Fused(torch.autograd.Function):
    """Rows of losses by a kernel, part by part, with their slopes, which are all that is kept of them.

    A kernel takes the place of a part, that part of the inputs, and for each input a place to write the slopes to, or
    None; it returns the losses, and factors of the slopes if these are not complete. Of short dtypes the inputs are
    kept, and the kernel runs again, so that slopes are rounded once. What is to be differentiated again is computed
    in the plain form.
    """

    @staticmethod
    def forward(ctx, kernel, plain, dim, wide, size, *inputs):
        wanted, first = ctx.needs_input_grad[5:], inputs[0]
        short = any(torch.finfo(x.dtype).bits < 32 for x in inputs)
        if any(wanted):
            ctx.inputs, ctx.versions = inputs, [x._version for x in inputs]
            ctx.kernel, ctx.plain, ctx.dim, ctx.wide, ctx.factor = kernel, plain, dim, wide, None
        keep = any(wanted) and not short
        kept = [torch.empty_like(x) if keep and want else None for x, want in zip(inputs, wanted)]
        rows = first.new_empty([1 if axis == dim else size for axis, size in enumerate(first.shape)], dtype=wide)
        for index in _parts(first, size, short):
            outs = [None if slopes is None else slopes[index] for slopes in kept]
            losses, factor = kernel(index, [x[index] for x in inputs], outs)
            if index is ...:
                rows, ctx.factor = losses, factor
            else:
                rows[index] = losses
        if any(wanted):
            ctx.short, ctx.wanted, ctx.size = short, wanted, size
            ctx.save_for_backward(*([x.clone() for x in inputs] if short else kept))
        return rows

    @staticmethod
    def backward(ctx, grad):
        kept = ctx.saved_tensors
        if torch.is_grad_enabled() or _transformed():
            return *[None] * 5, *Fused.again(ctx, grad)
        if ctx.short:
            return *[None] * 5, *Fused.slopes(ctx, kept, grad)
        grad = grad if ctx.factor is None else grad * ctx.factor
        return *[None] * 5, *[None if x is None else x * grad.to(x.dtype) for x in kept]

    @staticmethod
    def again(ctx, grad):
        """The gradients as functions of the inputs and of `grad`."""
        if [x._version for x in ctx.inputs] != ctx.versions:
            raise RuntimeError("logits modified by an inplace operation after the loss have no second derivative")
        create = torch.is_grad_enabled()
        with torch.enable_grad():
            rows = ctx.plain(*ctx.inputs)
        found = iter(
            torch.autograd.grad(rows, [x for x, want in zip(ctx.inputs, ctx.wanted) if want], grad, create_graph=create)
        )
        return [next(found) if want else None for want in ctx.wanted]

    @staticmethod
    def slopes(ctx, inputs, grad):
        """The gradients from the inputs of short dtypes, each part in a wide dtype first."""
        results = [torch.empty_like(x) if want else None for x, want in zip(inputs, ctx.wanted)]
        for index in _parts(inputs[0], ctx.size, True):
            parts = [x[index] for x in inputs]
            outs = [torch.empty_like(x, dtype=ctx.wide) if want else None for x, want in zip(parts, ctx.wanted)]
            _, factor = ctx.kernel(index, parts, outs)
            scale = grad[index] if factor is None else grad[index] * factor
            for result, out in zip(results, outs):
                if result is not None:
                    result[index] = out.mul_(scale)
        return results


def _transformed():
    """Whether a transform of `torch.func` is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def fusable(inputs, *constants):
    """Whether losses may be fused: run as they stand, and to be differentiated in the inputs only, backward."""
    if torch.compiler.is_compiling() or _transformed():
        return False
    constants = [x for x in constants if x is not None]
    if torch.is_grad_enabled() and any(x.requires_grad for x in constants):
        return False
    tensors = [*inputs, *constants]
    kinds = all(type(x) in (Tensor, nn.Parameter, nn.Buffer) and x.device.type in ("cpu", "cuda") for x in tensors)
    return kinds and all(forward_ad.unpack_dual(x).tangent is None for x in tensors)


def _parts(x, size, short):
    """Places of parts of a tensor that fit a cache, along all axes but that of the classes."""
    size = max(2**13, min(size, x.numel() // 32)) if short else size
    if x.ndim == 1 or x.numel() <= size or (x.is_cuda and x.numel() < 2**26):
        yield ...
        return
    each, rest = x[0].numel(), x.shape[2] if x.ndim > 2 else 1
    count, span = max(1, size // each), max(1, min(rest, size * rest // each))
    if not short and each * span < 2**10 * x.shape[1] * rest:  # short runs of memory are slow
        span = rest
    for start in range(0, len(x), count):
        for begin in range(0, rest, span):
            inner = (slice(None), slice(begin, begin + span)) if span < rest else ()
            yield (slice(start, start + count), *inner)


def _softmax(z, dim, out, logs):
    """The softmax and, if asked for, its logarithm, in the dtype of `out`."""
    if z.shape[dim] < 16 and dim == z.ndim - 1 and not z.is_cuda:  # torch's is slow for rows shorter than its vectors
        leads = z - z.amax(dim, keepdim=True)
        q = torch.exp(leads, out=out)
        total = q.sum(dim, keepdim=True)
        return q.div_(total), leads.sub_(total.log()) if logs else None
    return torch.softmax(z, dim, out=out), z.log_softmax(dim) if logs else None


def _take(x, index):
    return x[index] if isinstance(x, Tensor) else x


def _refine(kernel, z, out, rows, factor, gamma, mass, dim, *others):
    """Rows of small losses again, by the careful kernel: a class may have nearly all of the probability there."""
    limit = 0.1 * 0.2**gamma if mass is None else mass * 0.1 * 0.2**gamma
    if not rows.numel() or extremes(rows, False)[0] >= (limit if isinstance(limit, float) else extremes(limit)[1]):
        return

    def last(x):
        return (x if dim else x.unsqueeze(0)).movedim(1, -1)

    at = last(rows < limit).squeeze(-1).nonzero(as_tuple=True)

    def pick(x):
        return last(x)[at] if isinstance(x, Tensor) else x

    def put(x, values):
        if x is not None:
            last(x)[at] = values

    part = pick(z)
    slopes = None if out is None else torch.empty_like(part)
    found, scale = kernel(part, slopes, *[pick(x) for x in others], gamma=pick(gamma), dim=1, careful=True)
    put(rows, found)
    put(out, slopes)
    put(factor, scale)


def label_kernel(index, inputs, outs, label, c, gamma, dim):
    """`_label_loss` and its slopes: q_j f for each class but the label, and minus their sum for the label."""
    z, label, c, gamma = inputs[0].to(widen(inputs[0].dtype)), label[index], _take(c, index), _take(gamma, index)
    careful = z.shape[dim] > EVEN or z.device.type != "cpu"
    rows, factor = _label_rows(z, outs[0], label, c, gamma, dim, careful)
    if not careful:
        _refine(_label_rows, z, outs[0], rows, factor, gamma, c, dim, label, c)
    return rows, factor


def _label_rows(z, out, label, c, gamma, dim, careful):
    q, _ = _softmax(z, dim, out, False)
    own = q.gather(dim, label)
    if careful:
        miss = q.scatter_(dim, label, own.new_zeros(()).expand_as(own)).sum(dim, keepdim=True)
        total = miss + own
        loss, factor, miss, own = (miss / own).log1p(), 1 / total, miss / total, own / total
    else:
        loss, factor, miss = own.log().neg_(), None, 1 - own
    tiny = torch.finfo(own.dtype).smallest_normal
    if not (extremes(own, False) or [0.0])[0] >= tiny:
        log_total = -(q.amax(dim, keepdim=True) * (1 if factor is None else factor)).log()
        loss = torch.where(own < tiny, z.amax(dim, keepdim=True) - z.gather(dim, label) + log_total, loss)
    if out is not None:
        q.scatter_(dim, label, miss.neg() if factor is None else -miss / factor)
    rows = loss
    if not isinstance(gamma, float) or gamma:
        focus = miss**gamma
        rows = focus * loss
        turn = loss.mul_(own).div_(miss).masked_fill_(miss == 0, 1.0).masked_fill_(own == 0, 0.0)
        slope = turn.mul_(gamma).add_(1).mul_(focus)
        factor = slope if factor is None else slope * factor
    if c is not None:
        rows = (c * rows).masked_fill((c == 0) & (rows == torch.inf), 0.0)
        factor = c.clone() if factor is None else c * factor
    return rows, factor


def mixture_kernel(index, inputs, outs, p, mass, gamma, dim):
    """`_mixture_loss` and its slopes, q_k Σ s - s_k with s_k = p_k (1 - q_k)^γ (1 + γ q_k loss_k / (1 - q_k))."""
    p, gamma = p(index=index), _take(gamma, index)
    mass = p.sum(dim, keepdim=True) if mass is None else mass[index]
    z = inputs[0].to(p.dtype)
    careful = z.device.type != "cpu"
    rows, _ = _mixture_rows(z, outs[0], p, mass, gamma, dim, careful)
    if not careful:
        _refine(_mixture_rows, z, outs[0], rows, None, gamma, mass, dim, p, mass)
    return rows, None


def _mixture_rows(z, out, p, mass, gamma, dim, careful):
    focal = not isinstance(gamma, float) or gamma > 0
    if not focal and not careful and 16 <= z.shape[dim] <= EVEN:  # as torch does it
        logs = z.log_softmax(dim)
        if out is not None:
            torch.ops.aten._log_softmax_backward_data.out(p, logs, dim, z.dtype, out=out).neg_()
        return _minus_dot(p, logs, z, dim), None
    q, logs = _softmax(z, dim, out, True)
    total = sum_classes(q, dim) if careful or q.shape[dim] > EVEN else None
    if total is not None:
        q, logs = q.div_(total), logs.sub_(total.log())
    if careful:  # numbers, as operations on truth values are slow
        above = torch.gt(q, 0.5, out=torch.empty_like(q))
        others = sum_classes(torch.addcmul(q, q, above, value=-1), dim)
        sure = (others / (1 - others).clamp(min=0.5)).log1p()
        logs.addcmul_(above, logs.clamp(min=-1), value=-1).addcmul_(above, sure, value=-1)
    focus = slopes = p
    if focal:
        miss = 1 - q
        if careful:
            miss.addcmul_(above, miss, value=-1).addcmul_(above, others)
        focus = p * miss**gamma
        turn = torch.where(miss == 0, 1.0, (q * logs).div_(miss).neg_()).masked_fill_(q == 0, 0.0)
        slopes = turn.mul_(gamma).add_(1).mul_(focus)
        mass = sum_classes(slopes, dim)
    rows = _minus_dot(focus, logs, z, dim)
    if out is not None:
        q.mul_(mass).sub_(slopes)
        if careful:
            q.addcmul_(above, q, value=-1)
            q.addcmul_(above, sum_classes(q, dim), value=-1)
    return rows, None


def _minus_dot(p, logs, z, dim):
    """-Σ_k p_k logs_k, where 0 times -inf is 0; in place of the logs."""
    rows = sum_classes(logs.mul_(p), dim).neg_()
    if not (extremes(rows, False) or [torch.nan])[0] >= 0:
        rows = logs.masked_fill_((p == 0) & (z == -torch.inf), 0.0).sum(dim, keepdim=True).neg_()
    return rows


def binary_kernel(index, inputs, outs, t, alpha, gamma):
    """`_binary_loss` and its slopes, a m^γ (loss' + γ loss m' / m)."""
    t, gamma = t[index], _take(gamma, index)
    z = inputs[0].to(t.dtype)
    up, down = torch.sigmoid(z), torch.sigmoid(-z)
    loss = torch.lerp(F.softplus(z, threshold=50), F.softplus(-z, threshold=50), t)
    miss = torch.lerp(up, down, t)
    focus = miss**gamma
    if alpha >= 0:
        focus *= (1 - alpha) + (2 * alpha - 1) * t
    if outs[0] is not None:
        turn = (down * up).div_(miss).nan_to_num_(1.0).mul_(loss).mul_(gamma).mul_(1 - 2 * t)
        torch.mul(turn.add_(torch.lerp(up, -down, t)), focus, out=outs[0])
    return loss.mul_(focus), None


def divergence_kernel(index, inputs, outs, plain, dim):
    """KL from logits and its slopes, -p t in those of p, and p exp(t) / E_p[exp(t)] - p in those of q."""
    p, q = (x.double() for x in inputs)
    leads = p - p.amax(dim, keepdim=True)
    t = q.sub_(q.amax(dim, keepdim=True)).sub_(leads)
    shares = leads.exp()
    total = shares.sum(dim, keepdim=True)
    shares /= total
    t -= (shares * t).sum(dim, keepdim=True)
    logs = leads.sub_(total.log()).add_(t)  # log(p exp(t))
    low, high = extremes(logs) or (0.0, 0.0)
    if not -torch.inf < low <= high < 50:  # an impossible class, or terms that overflow
        return _differentiate(plain, inputs, outs)
    tilted = logs.exp_()
    mean = tilted.sum(dim, keepdim=True)
    if not extremes(mean, False)[0] > 1 + 1e-5:  # so close that the mean has no digits of the divergence
        return _differentiate(plain, inputs, outs)
    if outs[1] is not None:
        outs[1].copy_(tilted.div_(mean).sub_(shares))
    if outs[0] is not None:
        outs[0].copy_(shares.mul_(t).neg_())
    return mean.log_(), None


def _differentiate(plain, inputs, outs):
    """What a kernel returns and writes, from the plain form."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        rows = plain(*leaves)
        slopes = torch.autograd.grad(rows.sum(), leaves)
    for out, slope in zip(outs, slopes):
        if out is not None:
            out.copy_(slope)
    return rows.detach(), None
