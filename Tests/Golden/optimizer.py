"""Writes optimizer.json: ten steps of torch.optim.AdamW on given gradients.

Made with Python 3.11, torch 2.15.0 (CPU):

    pip install torch==2.15.0
    python Tests/Golden/optimizer.py
"""

import json
import pathlib

import torch

STEPS = 10


def rounded(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def run(start, gradients, rates, decay):
    weight = torch.nn.Parameter(start.double())
    optimizer = torch.optim.AdamW([weight], lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay)
    steps = []
    for gradient, rate in zip(gradients, rates):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = gradient.double()
        optimizer.step()
        steps.append(rounded(weight))
    state = optimizer.state[weight]
    return {"steps": steps, "first": rounded(state["exp_avg"]), "second": rounded(state["exp_avg_sq"])}


def main():
    torch.manual_seed(3)
    start = torch.randn(7)
    # From tiny to large, with an element that is always zero: only decay may move it.
    gradients = [torch.randn(7) * torch.tensor([1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 0.0]) for _ in range(STEPS)]
    rates = [0.05 * (1 - step / STEPS) for step in range(STEPS)]
    golden = {
        "start": rounded(start),
        "gradients": [rounded(g) for g in gradients],
        "rates": [float(f"{r:.9g}") for r in rates],
        "decay": 0.1,
        "decayed": run(start, gradients, rates, 0.1),
        "plain": run(start, gradients, rates, 0.0),
    }
    path = pathlib.Path(__file__).with_name("optimizer.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


main()
