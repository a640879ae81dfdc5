"""Writes encoder.json: a small BertForSequenceClassification of transformers, its outputs and its gradients.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, numpy 2.4.6:

    pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6
    python Tests/Golden/encoder.py

Weights are float32; the reference computes with them in float64. Tensors are stored as base64 of little-endian float32.
"""

import base64
import json
import pathlib

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification

LABELS = ["no", "maybe", "yes"]


def packed(tensor):
    values = tensor.detach().numpy().astype("<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def main():
    torch.manual_seed(20)
    config = BertConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=16, initializer_range=0.2, num_labels=3, attn_implementation="eager",
        id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)})
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        # The padding row of the embeddings, biases and norms start at 0 and 1, where a mistake with them would not show.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.2 * torch.randn_like(parameter)
        model.bert.embeddings.word_embeddings.weight[0] = 0.2 * torch.randn(config.hidden_size)
    weights = {name: packed(p) for name, p in model.named_parameters()}
    model = model.double()

    generator = np.random.default_rng(7)
    sequences = [generator.integers(1, 60, length).tolist() for length in (9, 1, 14)]
    labels = [2, 0, 1]
    longest = max(map(len, sequences))
    tokens = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    out = model(tokens, attention_mask=mask, labels=torch.tensor(labels), output_hidden_states=True)
    out.loss.backward()
    valid = mask.bool()
    golden = {
        "configuration": json.loads(config.to_json_string(use_diff=False)),
        "sequences": sequences,
        "labels": labels,
        "weights": weights,
        "logits": packed(out.logits),
        "hidden_states": [packed(h[valid]) for h in out.hidden_states],
        "loss": round(out.loss.item(), 9),
        "gradients": {name: packed(p.grad) for name, p in model.named_parameters()},
    }
    path = pathlib.Path(__file__).with_name("encoder.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), sort_keys=True) + "\n")


main()
