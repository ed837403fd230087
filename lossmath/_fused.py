"""Losses and their slopes together, for training: what `lossmath.losses` uses where nothing more is asked.

A kernel takes a part of the logits, so that what it makes stays in a cache, and writes the slopes, which are all that
is kept of it. What is not confident is computed as torch does. Rows whose loss is small are computed again with care:
1 - q of the class that has nearly all of the probability is then the sum of the others, its -log q a log1p of that,
and its slope minus the other slopes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from lossmath._validation import EVEN, SHORT, extremes, sum_classes, widen

TINY = torch.finfo(torch.float32).smallest_normal


class Fused(torch.autograd.Function):
    """Rows of losses by a kernel, part by part, with their slopes, which are all that is kept of them.

    A kernel takes the place of a part, that part of the inputs, and for each input a place to write the slopes to, or
    None; it returns the losses, and a factor of what it wrote: a number, or one for each loss if there is one part.
    Slopes become the gradient where they lie, unless the graph is kept. Of short dtypes the inputs are kept, and the
    kernel runs again, so that slopes are rounded once. What is differentiated again is computed in the plain form.
    """

    @staticmethod
    def forward(ctx, kernel, plain, dim, wide, size, *inputs):
        wanted, first = ctx.needs_input_grad[5:], inputs[0]
        short = any(torch.finfo(x.dtype).bits < 32 for x in inputs)
        if any(wanted):
            ctx.inputs, ctx.versions = inputs, [x._version for x in inputs]
            ctx.kernel, ctx.plain, ctx.dim, ctx.wide = kernel, plain, dim, wide
        keep = any(wanted) and not short
        kept = [torch.empty_like(x) if keep and want else None for x, want in zip(inputs, wanted)]
        rows = first.new_empty([1 if axis == dim else size for axis, size in enumerate(first.shape)], dtype=wide)
        for index in _parts(first, size, short):
            outs = [None if slopes is None else slopes[index] for slopes in kept]
            losses, factor = kernel(index, [x[index] for x in inputs], outs)
            if index is ...:
                rows = losses
            else:
                rows[index] = losses
            ctx.factor = factor
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
        if not any(grad.stride()):  # one number for all, after a sum or a mean
            grad = grad.as_strided((), ())
        scale = grad * ctx.factor
        multiply = torch.mul if _keeps_graph() else Tensor.mul_
        return *[None] * 5, *[None if x is None else multiply(x, scale.to(x.dtype)) for x in kept]

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
        made = torch.empty_like if _keeps_graph() else Tensor.detach  # in place of the inputs, which are copies
        results = [made(x) if want else None for x, want in zip(inputs, ctx.wanted)]
        for index in _parts(inputs[0], ctx.size, True):
            parts = [x[index] for x in inputs]
            outs = [torch.empty_like(x, dtype=ctx.wide) if want else None for x, want in zip(parts, ctx.wanted)]
            _, factor = ctx.kernel(index, parts, outs)
            scale = grad[index] * factor
            for result, out in zip(results, outs):
                if result is not None:
                    result[index] = out.mul_(scale)
        return results


def _keeps_graph():
    """Whether the backward pass at work may be repeated."""
    return torch._C._autograd._get_current_graph_task_keep_graph()


def _transformed():
    """Whether a transform of `torch.func` is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def fusable(inputs, *constants):
    """Whether losses may be fused: run as they stand, and to be differentiated in the inputs only, backward."""
    if torch.compiler.is_compiling() or _transformed():
        return False
    constants = [x for x in constants if x is not None]
    for x in (*inputs, *constants):
        known = type(x) in (Tensor, nn.Parameter, nn.Buffer) and (x.is_cpu or x.is_cuda)
        if not known or forward_ad.unpack_dual(x).tangent is not None:
            return False
    return not (torch.is_grad_enabled() and any(x.requires_grad for x in constants))


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


def _softmax(z, dim, out):
    """The softmax, in the dtype of `out`."""
    if z.is_cpu and z.shape[dim] < SHORT and dim == z.ndim - 1 and z.numel() > 2**12:  # there torch's is slow
        q = torch.sub(z, z.amax(dim, keepdim=True), out=out).exp_()
        return q.div_(sum_classes(q, dim))
    return torch.softmax(z, dim, out=out)


def _take(x, index):
    return x[index] if isinstance(x, Tensor) else x


def _refine(kernel, unsure, z, out, rows, factor, gamma, dim, *others):
    """The rows that are `unsure` again, by the careful kernel."""

    def last(x):
        return (x if dim else x.unsqueeze(0)).movedim(1, -1)

    at = last(unsure).squeeze(-1).nonzero(as_tuple=True)

    def pick(x):
        return last(x)[at] if isinstance(x, Tensor) else x

    def put(x, values):
        if isinstance(x, Tensor):
            last(x)[at] = values

    part = pick(z)
    slopes = None if out is None else torch.empty_like(part)
    found, scale = kernel(part, slopes, *map(pick, others), pick(gamma), 1)
    if not isinstance(factor, Tensor) and slopes is not None:
        slopes *= scale / factor
    put(rows, found)
    put(out, slopes)
    put(factor, scale)
    return rows, factor


def label_kernel(index, inputs, outs, label, c, gamma, dim):
    """`label_loss` and its slopes: q_j f for each class but the label, and minus their sum for the label."""
    z, label, c, gamma = inputs[0].to(widen(inputs[0].dtype)), label[index], _take(c, index), _take(gamma, index)
    q, unsure = _softmax(z, dim, outs[0]), None
    own = q.gather(dim, label)
    careful = z.shape[dim] > EVEN or not z.is_cpu
    if not careful:
        (low, high), sure = extremes(own) or (0.5, 0.5), 0.95 - 0.03 * gamma
        if not low >= TINY:
            unsure = ~((own >= TINY) & (own <= sure))
        elif high > (sure if isinstance(gamma, float) else extremes(sure)[0]):
            unsure = own > sure
        careful = unsure is not None and 2 * unsure.count_nonzero() > unsure.numel()
    if careful:
        return _careful_labels(z, outs[0], label, c, gamma, dim, q)
    slope = own - 1
    if outs[0] is not None:
        q.scatter_(dim, label, slope)
    rows, factor = own.log().neg_(), 1.0
    if not isinstance(gamma, float) or gamma:
        miss = slope.neg_()
        focus = miss**gamma
        rows *= focus
        factor = focus.addcdiv_(own.mul_(rows).mul_(gamma), miss)
    if c is not None:
        rows *= c
        factor = c * factor
    if unsure is not None:
        return _refine(_careful_labels, unsure, z, outs[0], rows, factor, gamma, dim, label, c)
    return rows, factor


def _careful_labels(z, out, label, c, gamma, dim, q=None):
    q = _softmax(z, dim, out) if q is None else q
    own = q.gather(dim, label)
    miss = q.scatter_(dim, label, own.new_zeros(()).expand_as(own)).sum(dim, keepdim=True)
    total = miss + own
    loss, factor, miss, own = (miss / own).log1p(), 1 / total, miss / total, own / total
    if not (extremes(own, False) or [0.0])[0] >= TINY:
        log_total = -(q.amax(dim, keepdim=True) * factor).log()
        loss = torch.where(own < TINY, z.amax(dim, keepdim=True) - z.gather(dim, label) + log_total, loss)
    if out is not None:
        q.scatter_(dim, label, -miss * total)
    rows = loss
    if not isinstance(gamma, float) or gamma:
        focus = miss**gamma
        rows = focus * loss
        turn = loss.mul_(own).div_(miss).masked_fill_(miss == 0, 1.0).masked_fill_(own == 0, 0.0)
        factor *= turn.mul_(gamma).add_(1).mul_(focus)
    if c is not None:
        rows = (c * rows).masked_fill((c == 0) & (rows == torch.inf), 0.0)
        factor *= c
    return rows, factor


def mixture_kernel(index, inputs, outs, p, mass, gamma, dim):
    """`mixture_loss` and minus its slopes, s_k - q_k Σ s with s_k = p_k (1 - q_k)^γ (1 + γ q_k loss_k / (1 - q_k))."""
    p, gamma = p(index=index), _take(gamma, index)
    mass = sum_classes(p, dim) if mass is None else mass[index]
    z = inputs[0].to(p.dtype)
    if not z.is_cpu:
        return _careful_mixtures(z, outs[0], p, mass, gamma, dim)
    rows = _mixture_rows(z, outs[0], p, mass, gamma, dim)
    share = rows / (mass * (0.1 * 0.2**gamma))
    low, high = extremes(share) or (1.0, 1.0)
    if 1 <= low <= high < torch.inf:
        return rows, -1.0
    unsure = ~((share >= 1) & (share < torch.inf))
    if 2 * unsure.count_nonzero() > unsure.numel():
        return _careful_mixtures(z, outs[0], p, mass, gamma, dim)
    return _refine(_careful_mixtures, unsure, z, outs[0], rows, -1.0, gamma, dim, p, mass)


def _mixture_rows(z, out, p, mass, gamma, dim):
    focal = not isinstance(gamma, float) or gamma > 0
    # torch's own keeps the digits, and is fast
    if z.shape[dim] == SHORT or (z.shape[dim] < SHORT and dim < z.ndim - 1):
        logs = z.log_softmax(dim)
        if not focal:
            if out is not None:
                torch.ops.aten._log_softmax_backward_data.out(p, logs, dim, z.dtype, out=out)
            return sum_classes(logs.mul_(p), dim).neg_()
        q = torch.exp(logs, out=out)
    else:
        q, most = _softmax(z, dim, out), z.amax(dim, keepdim=True)
        total = sum_classes(q, dim)
        log_total = (q.amax(dim, keepdim=True) / total).log_().neg_()
        if not focal:
            rows = sum_classes(torch.sub(most, z).mul_(p), dim).addcmul_(mass, log_total)
            if out is not None:
                torch.addcmul(p, q, mass / total, value=-1, out=q)
            return rows
        q.div_(total)
        logs = torch.sub(z, most).sub_(log_total)
    miss = 1 - q
    slopes = (miss**gamma).mul_(p)
    losses = logs.mul_(slopes)
    rows = sum_classes(losses, dim).neg_()
    if out is not None:
        slopes.sub_(losses.mul_(q).mul_(gamma).div_(miss.clamp_(min=TINY)))
        torch.addcmul(slopes, q, sum_classes(slopes, dim), value=-1, out=q)
    return rows


def _careful_mixtures(z, out, p, mass, gamma, dim):
    q, logs = _softmax(z, dim, out), z.log_softmax(dim)
    total = sum_classes(q, dim)
    q, logs = q.div_(total), logs.sub_(total.log())
    above = torch.gt(q, 0.5, out=torch.empty_like(q))  # numbers, as operations on truth values are slow
    others = sum_classes(torch.addcmul(q, q, above, value=-1), dim)
    sure = (others / (1 - others).clamp(min=0.5)).log1p()
    logs.addcmul_(above, logs.clamp(min=-1), value=-1).addcmul_(above, sure, value=-1)
    focus = slopes = p
    if not isinstance(gamma, float) or gamma:
        miss = 1 - q
        miss.addcmul_(above, miss, value=-1).addcmul_(above, others)
        focus = p * miss**gamma
        turn = torch.where(miss == 0, 1.0, (q * logs).div_(miss).neg_()).masked_fill_(q == 0, 0.0)
        slopes = turn.mul_(gamma).add_(1).mul_(focus)
        mass = sum_classes(slopes, dim)
    rows = sum_classes(logs.mul_(focus), dim).neg_()
    if not (extremes(rows, False) or [torch.nan])[0] >= 0:  # perhaps 0 times -inf
        rows = sum_classes(logs.masked_fill_((focus == 0) & (z == -torch.inf), 0.0), dim).neg_()
    if out is not None:
        torch.addcmul(slopes, q, mass, value=-1, out=q)
        q.addcmul_(above, q, value=-1)
        q.addcmul_(above, sum_classes(q, dim), value=-1)
    return rows, -1.0


def binary_kernel(index, inputs, outs, t, alpha, gamma):
    """`binary_loss` and its slopes, a m^γ (loss' + γ loss m' / m)."""
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
    return loss.mul_(focus), 1.0


def divergence_kernel(index, inputs, outs, plain, dim):
    """KL from logits and its slopes, -p t in those of p, and p exp(t) / E_p[exp(t)] - p in those of q."""
    for wide, least in ((torch.float32, 1e-2), (torch.float64, 1e-5)):  # as many digits as p and q are close
        rows = _tilt(*inputs, outs, dim, wide, least)
        if rows is not None:
            return rows, 1.0
    return _differentiate(plain, inputs, outs)


def _tilt(p, q, outs, dim, wide, least):
    """The divergences, if all are above `least`, no class is impossible, and no term overflows."""
    shares = p.to(wide).softmax(dim)
    shares.div_(shares.sum(dim, keepdim=True, dtype=torch.float64))
    p, q = (x.double().sub_(x.narrow(dim, 0, 1)) for x in (p, q))  # exact, whatever their offsets
    t = q.sub_(p)
    t = t.sub_((shares * t).sum(dim, keepdim=True)).to(wide)
    low, high = extremes(t) or (0.0, 0.0)
    if not -torch.inf < low <= high < 40:
        return None
    grown = t.expm1()
    more = (shares * grown).sum(dim, keepdim=True, dtype=torch.float64)
    if not (extremes(more, False) or [0.0])[0] > least:
        return None
    if outs[0] is not None:
        torch.mul(shares, t, out=t).neg_()
        outs[0].copy_(t)
    if outs[1] is not None:
        outs[1].copy_(grown.sub_(more).mul_(shares).div_(1 + more))
    return more.log1p_()


def _differentiate(plain, inputs, outs):
    """What a kernel returns and writes, from the plain form."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        rows = plain(*leaves)
        slopes = torch.autograd.grad(rows.sum(), leaves)
    for out, slope in zip(outs, slopes):
        if out is not None:
            out.copy_(slope)
    return rows.detach(), 1.0
