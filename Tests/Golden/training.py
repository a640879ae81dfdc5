"""Writes training.json: the losses of torch, and ten steps of distilling a two-layer student with torch.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, numpy 2.4.6:

    pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6
    python Tests/Golden/training.py

Weights start as float32; the reference computes with them in float64. Tensors are stored as base64 of little-endian
float32. The batch is the whole data set, so the order of the examples does not matter.
"""

import base64
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForSequenceClassification

LABELS = ["no", "maybe", "yes"]
STEPS, WARM_UP_STEPS, PEAK, DECAY, CLIP = 10, 3, 3e-3, 0.1, 0.61
CROSS_ENTROPY, KL, FEATURES, TEMPERATURE = 0.3, 0.5, 0.7, 2.0
# (student layer, teacher layer, the teacher's width there); the second pair is projected.
PAIRS = [(1, 1, 16), (2, 3, 24)]


def packed(tensor):
    values = tensor.detach().numpy().astype("<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def number(value):
    return float(f"{torch.as_tensor(value).item():.9g}")


def kl(logits, teacher_probabilities, temperature):
    """Sum over rows of T² KL(p_T ‖ q_T); p_T from the probabilities at T = 1."""
    p = torch.softmax(torch.log(teacher_probabilities) / temperature, -1)
    q = torch.log_softmax(logits / temperature, -1)
    return temperature**2 * F.kl_div(q, p, reduction="sum")


def losses():
    generator = torch.Generator().manual_seed(5)
    logits = (3 * torch.randn(4, 5, generator=generator)).float().double()
    teacher = torch.softmax(3 * torch.randn(4, 5, generator=generator), -1).double()
    teacher[1, 2] = 0
    teacher[2] = torch.tensor([0, 1, 0, 0, 0])
    teacher = (teacher / teacher.sum(-1, keepdim=True)).float().double()
    labels = [3, 0, 1, 4]
    student_hidden = torch.randn(6, 4, generator=generator).float().double()
    teacher_hidden = torch.randn(6, 4, generator=generator).float().double()
    result = {
        "logits": packed(logits), "probabilities": packed(teacher), "labels": labels,
        "student_hidden": packed(student_hidden), "teacher_hidden": packed(teacher_hidden),
        "cross_entropy": number(F.cross_entropy(logits, torch.tensor(labels))),
        "features": number(F.mse_loss(student_hidden, teacher_hidden)), "kl": []}
    for temperature in (1.0, 2.0, 4.0):
        z = logits.clone().requires_grad_()
        value = kl(z, teacher, temperature) / 4
        value.backward()
        result["kl"].append({"temperature": temperature, "value": number(value), "gradient": packed(z.grad)})
    return result


def rate(step):
    if step < WARM_UP_STEPS:
        return PEAK * (step + 1) / WARM_UP_STEPS
    return PEAK * (1 - (step - WARM_UP_STEPS) / (STEPS - WARM_UP_STEPS))


def student():
    torch.manual_seed(21)
    config = BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=12, initializer_range=0.2, num_labels=3, attn_implementation="eager",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)})
    return config, BertForSequenceClassification(config)


def training():
    config, model = student()
    projector = torch.nn.Linear(16, 24)
    named = [*model.named_parameters(), *(("projector.1." + n, p) for n, p in projector.named_parameters())]
    weights = {name: packed(p) for name, p in named}
    model, projector = model.double(), projector.double()

    generator = np.random.default_rng(8)
    sequences = [generator.integers(1, 30, length).tolist() for length in (3, 12, 1, 7, 5, 9, 2, 6)]
    labels = generator.integers(0, 3, len(sequences)).tolist()
    longest = max(map(len, sequences))
    tokens = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    valid = mask.bool()
    positions = int(mask.sum())
    teacher = torch.softmax(torch.from_numpy(2 * generator.standard_normal((len(sequences), 3))), -1).float().double()
    hidden = [torch.from_numpy(generator.standard_normal((positions, width))).float().double() for *_, width in PAIRS]

    parameters = [*model.parameters(), *projector.parameters()]
    decayed = [p for p in parameters if p.dim() > 1]
    others = [p for p in parameters if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}], lr=PEAK)
    steps = []
    for step in range(STEPS):
        out = model(tokens, attention_mask=mask, output_hidden_states=True)
        ce = F.cross_entropy(out.logits, torch.tensor(labels))
        soft = kl(out.logits, teacher, TEMPERATURE) / len(sequences)
        first, second = (out.hidden_states[s][valid] for s, *_ in PAIRS)
        features = (F.mse_loss(first, hidden[0]) + F.mse_loss(projector(second), hidden[1])) / len(PAIRS)
        loss = CROSS_ENTROPY * ce + KL * soft + FEATURES * features
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        steps.append({
            "loss": number(loss), "cross_entropy": number(ce), "kl": number(soft), "features": number(features),
            "gradient_norm": number(norm), "learning_rate": number(rate(step))})
    clipped = sum(s["gradient_norm"] > CLIP for s in steps)
    assert 0 < clipped < STEPS, f"clipping must act on some steps and not on others, of norms {[s['gradient_norm'] for s in steps]}"
    return {
        "configuration": json.loads(config.to_json_string(use_diff=False)),
        "weights": weights, "sequences": sequences, "labels": labels, "probabilities": packed(teacher),
        "hidden_states": [packed(h) for h in hidden], "pairs": PAIRS, "steps": steps,
        "options": {
            "peak": PEAK, "warm_up": WARM_UP_STEPS / STEPS, "weight_decay": DECAY, "clip": CLIP,
            "cross_entropy": CROSS_ENTROPY, "kl": KL, "features": FEATURES, "temperature": TEMPERATURE}}


def main():
    golden = {"losses": losses(), "training": training()}
    path = pathlib.Path(__file__).with_name("training.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), sort_keys=True) + "\n")


main()
