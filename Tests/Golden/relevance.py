"""Writes relevance.json: how much of three tiny encoders' answers flows through each head and neuron.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, numpy 2.4.6:

    python Tests/Golden/relevance.py

Layer-wise relevance propagation with the epsilon rule (epsilon 1e-3), by automatic differentiation of the published
implementations' own arithmetic: relevance is value times gradient where every linear map y (linear layers, residual sums, norms with
a constant deviation, mixing and picking positions) has its gradient multiplied by y / (y + epsilon sign y), attention weights are constants, and activations
f(x) are x times the constant f(x) / x (Ali et al. 2022, arXiv 2202.07304). It begins with 1 at the likeliest class. Scores are
means of |relevance| over the sequences, float64.
"""

import json
import pathlib

import torch
from transformers import AutoModelForSequenceClassification

HERE = pathlib.Path(__file__).parent
EPSILON = 1e-3
SEQUENCES = [[10, 4, 9, 2], [7, 3, 3, 12, 20], [5], [16, 11, 8, 2, 6, 19, 13]]


def damped(y):
    sign = torch.where(y < 0, -1.0, 1.0)
    factor = (y / (y + EPSILON * sign)).detach()
    return y * factor + (y - y * factor).detach()


def linear(layer, x):
    return damped(x @ layer.weight.T + layer.bias)


def norm(layer, x):
    centered = x - x.mean(-1, keepdim=True)
    deviation = (centered.pow(2).mean(-1, keepdim=True) + layer.eps).sqrt().detach()
    return damped(centered / deviation * layer.weight + layer.bias)


def activated(function, x):
    return x * (function(x) / x).detach()


def parts(model):
    """The embeddings, the parts of each layer, and the head."""
    kind = model.config.model_type
    if kind == "distilbert":
        layers = [
            ((a.q_lin, a.k_lin, a.v_lin, a.out_lin, layer.sa_layer_norm), (layer.ffn.lin1, layer.ffn.lin2, layer.output_layer_norm))
            for layer in model.distilbert.transformer.layer for a in [layer.attention]]
        return model.distilbert.embeddings, layers, (model.pre_classifier, torch.relu, model.classifier)
    base = model.roberta if kind == "roberta" else model.bert
    layers = [
        ((a.self.query, a.self.key, a.self.value, a.output.dense, a.output.LayerNorm),
         (layer.intermediate.dense, layer.output.dense, layer.output.LayerNorm))
        for layer in base.encoder.layer for a in [layer.attention]]
    if kind == "roberta":
        return base.embeddings, layers, (model.classifier.dense, torch.tanh, model.classifier.out_proj)
    return base.embeddings, layers, (base.pooler.dense, torch.tanh, model.classifier)


def relevances(model, ids):
    heads = model.config.num_attention_heads
    embed, layers, head = parts(model)
    x = embed(input_ids=torch.tensor([ids]))[0].detach().requires_grad_()
    contexts, inners = [], []
    for (query, key, value, output, attention_norm), (first, second, output_norm) in layers:
        q, k = x @ query.weight.T + query.bias, x @ key.weight.T + key.bias
        size = q.shape[1] // heads
        split = lambda y: y.view(len(ids), heads, size).transpose(0, 1)
        weights = torch.softmax(split(q) @ split(k).transpose(1, 2) / size**0.5, -1).detach()
        contexts.append(damped((weights @ split(linear(value, x))).transpose(0, 1).reshape(len(ids), -1)))
        h = norm(attention_norm, damped(x + linear(output, contexts[-1])))
        inners.append(activated(torch.nn.functional.gelu, linear(first, h)))
        x = norm(output_norm, damped(h + linear(second, inners[-1])))
    logits = linear(head[2], activated(head[1], linear(head[0], damped(x[0]))))
    best = logits.argmax()
    for kept in contexts + inners:
        kept.retain_grad()
    (logits[best] / logits[best].detach()).backward()
    by_head = [(c * c.grad).view(len(ids), heads, -1).sum((0, 2)).abs().tolist() for c in contexts]
    by_neuron = [(a * a.grad).sum(0).abs().tolist() for a in inners]
    return by_head, by_neuron


def scores(model):
    found = [relevances(model, ids) for ids in SEQUENCES]

    def mean(part):
        return torch.tensor([f[part] for f in found], dtype=torch.float64).mean(0).tolist()

    return {"heads": mean(0), "neurons": mean(1)}


def main():
    result = {"sequences": SEQUENCES}
    for name in ["bert", "roberta", "distilbert"]:
        model = AutoModelForSequenceClassification.from_pretrained(
            HERE / "encoders" / f"{name}-classification", attn_implementation="eager", dtype=torch.float64).eval()
        result[name] = scores(model)
    (HERE / "relevance.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
