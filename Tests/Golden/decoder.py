"""Writes decoder.json: a small GPT2LMHeadModel of transformers, its final hidden states and its gradients.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, numpy 2.4.6:

    pip install torch==2.15.0 transformers==5.23.0 numpy==2.4.6
    python Tests/Golden/decoder.py

Weights are float32; the reference computes with them in float64. Tensors are stored as base64 of little-endian float32,
every weight as [O, I], and the fused attn.c_attn as attn.query, attn.key and attn.value.
"""

import base64
import json
import pathlib

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel


def packed(tensor):
    values = tensor.detach().numpy().astype("<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def stored(tensors):
    """The tensors under the names and in the layout of our decoder."""
    result = {}
    for name, tensor in tensors.items():
        if tensor.dim() == 2 and ".h." in name:
            tensor = tensor.T
        if ".c_attn." in name:
            for part, piece in zip(("query", "key", "value"), tensor.chunk(3)):
                result[name.replace("c_attn", part)] = packed(piece)
        else:
            result[name] = packed(tensor)
    return result


def main():
    torch.manual_seed(20)
    config = GPT2Config(
        vocab_size=23, n_positions=12, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3, bos_token_id=0,
        eos_token_id=0, attn_implementation="eager")
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        # Biases and norms start at 0 and 1, where a mistake with them would not show.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.2 * torch.randn_like(parameter)
    weights = stored(dict(model.named_parameters()))
    model = model.double()

    generator = np.random.default_rng(7)
    sequences = [generator.integers(0, 23, length).tolist() for length in (7, 1, 12)]
    states = [model.transformer(torch.tensor([sequence])).last_hidden_state[0] for sequence in sequences]
    hidden = torch.cat(states)
    seed = torch.from_numpy(generator.standard_normal(tuple(hidden.shape)).astype("<f4")).double()
    hidden.backward(seed)
    golden = {
        "sequences": sequences,
        "weights": weights,
        "hidden_states": packed(hidden),
        "seed": packed(seed),
        "gradients": stored({name: p.grad for name, p in model.named_parameters()}),
    }
    path = pathlib.Path(__file__).with_name("decoder.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), sort_keys=True) + "\n")


main()
