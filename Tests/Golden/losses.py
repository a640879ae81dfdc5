"""Writes losses.json: divergences, cosine, attention relations and attention maps as torch computes them, with gradients.

Made with Python 3.11, torch 2.15.0 (CPU), numpy 2.4.6:

    pip install torch==2.15.0 numpy==2.4.6
    python Tests/Golden/losses.py

Inputs are rounded to float32 and the reference computes with them in float64. Tensors are stored as base64 of
little-endian float32. Sequences are padded here, with rows that must not matter, and packed in the file.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

LENGTHS = [5, 1, 9, 3]
PADDING = 1e3


def packed(tensor):
    values = tensor.detach().numpy().astype("<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def normal(*shape, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=generator)).float().double()


def result(loss, *inputs):
    loss.backward()
    return {"value": float(f"{loss.item():.9g}"), "gradients": [packed(i.grad) for i in inputs]}


def divergences():
    teacher, student = normal(4, 6, seed=1, scale=3), normal(4, 6, seed=2, scale=3)
    cases = []
    for temperature in (1.0, 2.0, 4.0):
        for name, beta in (("reverse_kl", None), ("jsd", 0.5), ("jsd", 0.1), ("jsd", 0.9)):
            z = student.clone().requires_grad_()
            log_p = F.log_softmax(teacher / temperature, -1)
            log_q = F.log_softmax(z / temperature, -1)
            if name == "reverse_kl":
                loss = F.kl_div(log_p, log_q, log_target=True, reduction="sum")
            else:
                log_m = torch.log(beta * log_p.exp() + (1 - beta) * log_q.exp())
                loss = beta * F.kl_div(log_m, log_p, log_target=True, reduction="sum") + (1 - beta) * F.kl_div(
                    log_m, log_q, log_target=True, reduction="sum")
            loss = temperature**2 * loss / 4
            cases.append({"name": name, "beta": beta, "temperature": temperature, **result(loss, z)})
    return {"teacher": packed(teacher), "student": packed(student), "cases": cases}


def cosine():
    teacher, student = normal(7, 19, seed=3), normal(7, 19, seed=4)
    h = student.clone().requires_grad_()
    loss = (1 - F.cosine_similarity(h, teacher, dim=-1)).sum() / 7
    return {"teacher": packed(teacher), "student": packed(student), **result(loss, h)}


def padded(x):
    """[N, W] to [B, longest, W], and the mask [B, longest]."""
    longest = max(LENGTHS)
    rows = [F.pad(part, (0, 0, 0, longest - len(part)), value=PADDING) for part in x.split(LENGTHS)]
    mask = torch.arange(longest)[None, :] < torch.tensor(LENGTHS)[:, None]
    return torch.stack(rows), mask


def scores(a, b, heads):
    """A · Bᵀ / √D of [B, T, W] cut into heads: [B, H, T, T]."""
    def split(x):
        return x.view(*x.shape[:2], heads, -1).transpose(1, 2)
    a, b = split(a), split(b)
    return a @ b.transpose(-1, -2) / a.shape[-1] ** 0.5


def relation_kl(student, teacher, heads):
    """1/(A_r · N) Σ KL(R_t ‖ R_s) over heads and valid rows, columns beyond a sequence masked."""
    (s, mask), (t, _) = padded(student), padded(teacher)
    def log_relations(x):
        return F.log_softmax(scores(x, x, heads).masked_fill(~mask[:, None, None, :], -torch.inf), -1)
    log_r, log_t = log_relations(s), log_relations(t)
    terms = torch.where(mask[:, None, None, :], log_t.exp() * (log_t - log_r), 0.0).sum(-1)
    return torch.where(mask[:, None, :], terms, 0.0).sum() / (heads * int(mask.sum()))


def relations():
    # A teacher of 3 heads of 8 and a student of 2 heads of 6, both in 4 relation heads.
    positions, heads = sum(LENGTHS), 4
    teacher = [normal(positions, 24, seed=5 + i) for i in range(3)]
    student = [normal(positions, 12, seed=8 + i).requires_grad_() for i in range(3)]
    loss = sum(relation_kl(s, t, heads) for s, t in zip(student, teacher))
    return {"heads": heads, "teacher": [packed(t) for t in teacher], "student": [packed(s) for s in student],
            **result(loss, *student)}


def maps():
    positions, heads = sum(LENGTHS), 3
    tq, tk = normal(positions, 24, seed=11), normal(positions, 24, seed=12)
    q, k = normal(positions, 15, seed=13).requires_grad_(), normal(positions, 15, seed=14).requires_grad_()
    (pq, mask), (pk, _), (ptq, _), (ptk, _) = map(padded, (q, k, tq, tk))
    pairs = (mask[:, None, :, None] & mask[:, None, None, :]).expand(-1, heads, -1, -1)
    difference = scores(pq, pk, heads) - scores(ptq, ptk, heads)
    loss = difference[pairs].square().mean()
    return {"heads": heads, "teacher": [packed(tq), packed(tk)], "student": [packed(q), packed(k)],
            **result(loss, q, k)}


def main():
    golden = {"lengths": LENGTHS, "divergences": divergences(), "cosine": cosine(), "relations": relations(),
              "maps": maps()}
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), sort_keys=True) + "\n")


main()
