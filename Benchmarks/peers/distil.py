"""Trains the student of a finished classification run once more in PyTorch, and prints one JSON object.

    python distil.py RUN [--seed 1] [--mode float32|bfloat16] [--threads N]

RUN/resolved.yaml gives teacher, data, losses and schedule: cross-entropy, T² KL and feature MSE, AdamW without decay on
norms and biases, linear warm-up and decay, clipping. The teacher is RUN's own, its logits and hidden states are computed once and kept
in memory; batches are padded to their longest row. bfloat16 is autocast.
"""

import argparse
import contextlib
import csv
import json
import os
import pathlib
import random
import sys
import time

import torch
import torch.nn.functional as F
import yaml
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers import get_linear_schedule_with_warmup


def read(path, data):
    with open(path, newline="") as file:
        return [(row[data["text"]], row[data["label"]]) for row in csv.DictReader(file)]


def padded(rows):
    """Token rows as `input_ids` and `attention_mask`."""
    longest = max(map(len, rows))
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return {"input_ids": tokens, "attention_mask": mask}


def batches(rows, size=64):
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@torch.no_grad()
def taught(model, rows, layers):
    """The teacher's logits, and per row the hidden states of the layers."""
    model.eval()
    logits, states = [], []
    for part in batches(rows):
        output = model(**padded(part), output_hidden_states=True)
        logits.append(output.logits)
        for index, row in enumerate(part):
            states.append([output.hidden_states[layer][index, : len(row)].half() for layer in layers])
    return torch.cat(logits), states


@torch.no_grad()
def accuracy(model, rows, labels):
    model.eval()
    found = torch.cat([model(**padded(part)).logits.argmax(-1) for part in batches(rows)])
    return (found == labels).float().mean().item()


def student_of(teacher, recipe):
    """Every (teacher layers / layers)th layer of the teacher, with its embeddings and its classifier."""
    config = AutoConfig.from_pretrained(teacher.name_or_path)
    layers, theirs = recipe["student"]["layers"], config.num_hidden_layers
    config.num_hidden_layers = layers
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = recipe["student"]["dropout"]
    model = type(teacher)(config)
    weights = teacher.state_dict()
    chosen = {index: -(-(index + 1) * theirs // layers) - 1 for index in range(layers)}

    def source(name):
        parts = name.split(".layer.")
        if len(parts) == 1:
            return name
        index, rest = parts[1].split(".", 1)
        return f"{parts[0]}.layer.{chosen[int(index)]}.{rest}"

    model.load_state_dict({name: weights[source(name)] for name in model.state_dict()})
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    random.seed(options.seed)

    recipe = yaml.safe_load((options.run / "resolved.yaml").read_text())
    data, loss, train = recipe["data"], recipe["loss"], recipe["train"]
    # YAML 1.1 reads numbers such as 1e-4 as text.
    train = {key: float(value) if isinstance(value, str) and value[:1].isdigit() else value for key, value in train.items()}
    folder = options.run / "models" / "teacher"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    teacher = AutoModelForSequenceClassification.from_pretrained(folder)
    names = teacher.config.label2id

    def split(name):
        rows = read(data[name], data)
        tokens = [tokenizer(text, truncation=True, max_length=data["max_length"])["input_ids"] for text, _ in rows]
        return tokens, torch.tensor([names[label] for _, label in rows])

    rows, labels = split("train")
    pairs = (loss["features"] or {}).get("pairs", [])
    student = student_of(teacher, recipe)
    logits, states = taught(teacher, rows, [pair[1] for pair in pairs])

    def plain(name):
        return name.endswith("bias") or "LayerNorm" in name

    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in student.named_parameters() if not plain(n)], "weight_decay": train["weight_decay"]},
            {"params": [p for n, p in student.named_parameters() if plain(n)], "weight_decay": 0.0},
        ],
        lr=train["learning_rate"],
        fused=True,
    )
    steps = train["epochs"] * -(-len(rows) // train["batch"])
    schedule = get_linear_schedule_with_warmup(optimizer, int(train["warmup"] * steps), steps)
    temperature, feature_weight = loss["kl"]["temperature"], (loss["features"] or {}).get("weight", 0)
    student.train()
    start = time.perf_counter()
    for _ in range(train["epochs"]):
        order = random.sample(range(len(rows)), len(rows))
        for chosen in batches(order, train["batch"]):
            inputs = padded([rows[row] for row in chosen])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.mode == "bfloat16"):
                output = student(**inputs, output_hidden_states=bool(pairs))
            own = output.logits.float()
            value = loss["cross_entropy"] * F.cross_entropy(own, labels[chosen])
            if loss["kl"]["weight"]:
                soft = F.kl_div(
                    F.log_softmax(own / temperature, -1), F.softmax(logits[chosen] / temperature, -1),
                    reduction="batchmean")
                value = value + loss["kl"]["weight"] * temperature**2 * soft
            if pairs:
                mask = inputs["attention_mask"].bool()
                terms = [
                    F.mse_loss(output.hidden_states[pair[0]][mask].float(), torch.cat([states[row][index] for row in chosen]).float())
                    for index, pair in enumerate(pairs)
                ]
                value = value + feature_weight * sum(terms) / len(terms)
            value.backward()
            nn.utils.clip_grad_norm_(student.parameters(), train["clip"])
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    seconds = time.perf_counter() - start
    tokens, right = split("test")
    return {
        "program": f"PyTorch {torch.__version__}", "mode": options.mode, "threads": options.threads,
        "seed": options.seed, "steps": steps, "seconds": round(seconds, 2),
        "accuracy": round(accuracy(student, tokens, right), 6),
        "teacher_accuracy": round(accuracy(teacher, tokens, right), 6),
    }


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        result = main()
    print(json.dumps(result))
