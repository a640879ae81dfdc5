"""Times one benchmark workload in PyTorch with Hugging Face models of random weights; prints one JSON object.

    python pytorch.py WORKLOAD [--mode float32|bfloat16|compiled] [--dropout 0.1] [--threads N]

step-cached   a distillation step of a BERT student: labels, the teacher's logits and three hidden states, all cached
step-online   the same step with the teacher's forward pass in it
step-lm       a distillation step of a GPT-2 student: labels and 64 cached teacher logits per token
encode-1      the BERT student classifies one text
encode-32     the BERT student classifies 32 texts

A step is forward, backward and fused AdamW. bfloat16 is autocast in a step and converted weights in encode; compiled is
torch.compile on top of that. The first step counts from this script's first statement, so with the imports.
"""

import time

STARTED = time.perf_counter()

import argparse
import contextlib
import json
import os
import resource
import statistics
import sys

import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

# Texts in a batch and tokens in a text.
SHAPES = {
    "step-cached": (16, 128),
    "step-online": (16, 128),
    "step-lm": (4, 256),
    "encode-1": (1, 128),
    "encode-32": (32, 128),
}
CLASSES = 4
BERT_VOCABULARY, GPT2_VOCABULARY = 30522, 49152
STUDENT_WIDTH, TEACHER_WIDTH = 384, 768
STUDENT_LAYERS, TEACHER_LAYERS = (2, 4, 6), (4, 8, 12)
TEACHER_CHOICES = 64
TEMPERATURE = 2.0


def bert(layers, width, dropout):
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=BERT_VOCABULARY,
            num_hidden_layers=layers,
            hidden_size=width,
            num_attention_heads=12,
            intermediate_size=4 * width,
            num_labels=CLASSES,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            attn_implementation="sdpa",
        )
    )


def gpt2(length, dropout):
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=GPT2_VOCABULARY,
            n_positions=length,
            n_embd=STUDENT_WIDTH,
            n_layer=6,
            n_head=6,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
            bos_token_id=None,
            eos_token_id=None,
            use_cache=False,
            attn_implementation="sdpa",
        )
    )


def texts(batch, length):
    tokens = torch.randint(BERT_VOCABULARY, (batch, length))
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


def kl(log_probabilities, teacher_logits):
    """T² KL(teacher ‖ student), the mean over rows; the student's log probabilities are those at T."""
    teacher = F.softmax(teacher_logits / TEMPERATURE, -1)
    return TEMPERATURE**2 * F.kl_div(log_probabilities, teacher, reduction="batchmean")


def classifier_loss(batch, length, dropout, online):
    """The function that computes a BERT student's loss, and the modules that it trains."""
    inputs, labels = texts(batch, length), torch.randint(CLASSES, (batch,))
    student = bert(6, STUDENT_WIDTH, dropout).train()
    projections = nn.ModuleList(nn.Linear(STUDENT_WIDTH, TEACHER_WIDTH) for _ in STUDENT_LAYERS)

    if online:
        model = bert(12, TEACHER_WIDTH, dropout).eval()

        def teacher():
            with torch.no_grad():
                output = model(**inputs, output_hidden_states=True)
            return output.logits, [output.hidden_states[layer] for layer in TEACHER_LAYERS]

    else:
        cached = torch.randn(batch, CLASSES), [torch.randn(batch, length, TEACHER_WIDTH) for _ in TEACHER_LAYERS]

        def teacher():
            return cached

    def loss():
        teacher_logits, teacher_states = teacher()
        output = student(**inputs, output_hidden_states=True)
        logits = output.logits.float()
        states = [output.hidden_states[layer] for layer in STUDENT_LAYERS]
        features = sum(F.mse_loss(p(s), t) for p, s, t in zip(projections, states, teacher_states))
        soft = kl(F.log_softmax(logits / TEMPERATURE, -1), teacher_logits.float())
        return 0.5 * F.cross_entropy(logits, labels) + 0.5 * soft + features

    return loss, nn.ModuleList([student, projections])


def language_model_loss(batch, length, dropout):
    """The function that computes a GPT-2 student's loss, and the module that it trains."""
    tokens, labels = torch.randint(GPT2_VOCABULARY, (2, batch, length))
    choices = torch.randint(GPT2_VOCABULARY, (batch * length, TEACHER_CHOICES))
    teacher_logits = torch.randn(batch * length, TEACHER_CHOICES)
    student = gpt2(length, dropout).train()

    def loss():
        logits = student(tokens).logits.float().flatten(0, 1)
        soft = kl(F.log_softmax(logits / TEMPERATURE, -1).gather(-1, choices), teacher_logits)
        return 0.5 * F.cross_entropy(logits, labels.flatten()) + 0.5 * soft

    return loss, student


def distillation_step(loss, trained, mode):
    """The function that carries out one training step."""
    optimizer = torch.optim.AdamW(trained.parameters(), lr=1e-4, fused=True)
    if mode == "compiled":
        loss = torch.compile(loss)

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode != "float32"):
            value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def encoding(batch, length, mode):
    """The function that classifies one batch."""
    inputs = texts(batch, length)
    model = bert(6, STUDENT_WIDTH, dropout=0.0).eval()
    if mode != "float32":
        model = model.to(torch.bfloat16)
    if mode == "compiled":
        model = torch.compile(model)

    def encode():
        with torch.inference_mode():
            model(**inputs)

    return encode


def workload(name, mode, dropout):
    batch, length = SHAPES[name]
    if name.startswith("encode"):
        return encoding(batch, length, mode)
    if name == "step-lm":
        return distillation_step(*language_model_loss(batch, length, dropout), mode)
    return distillation_step(*classifier_loss(batch, length, dropout, online=name == "step-online"), mode)


def milliseconds(function):
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start)


def measure(arguments):
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    run = workload(arguments.workload, arguments.mode, arguments.dropout)
    run()
    first_step = time.perf_counter() - STARTED
    for _ in range(arguments.warm_up):
        run()
    times = [milliseconds(run) for _ in range(arguments.repetitions)]

    median = statistics.median(times)
    batch, length = SHAPES[arguments.workload]
    return {
        "program": f"PyTorch {torch.__version__}",
        "workload": arguments.workload,
        "precision": arguments.mode,
        "dropout": arguments.dropout,
        "threads": arguments.threads,
        "median_ms": round(median, 3),
        "min_ms": round(min(times), 3),
        "max_ms": round(max(times), 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "tokens_per_second": round(1000 * batch * length / median),
        "first_step_s": round(first_step, 3),
    }


def parsed_arguments():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=SHAPES)
    parser.add_argument("--mode", choices=["float32", "bfloat16", "compiled"], default="float32")
    parser.add_argument("--dropout", type=float, default=0.1, help="of hidden states and attention; encode has none")
    parser.add_argument("--threads", type=int, default=cores, help="default: the cores of this process")
    parser.add_argument("--repetitions", type=int, default=9, help="at least 7, in encode-1 at least 30")
    parser.add_argument("--warm-up", type=int, default=3, help="untimed repetitions after the first")
    arguments = parser.parse_args()
    if arguments.repetitions < 7:
        parser.error("--repetitions must be at least 7")
    if arguments.workload == "encode-1":
        arguments.repetitions = max(arguments.repetitions, 30)
    if arguments.workload.startswith("encode"):
        arguments.dropout = 0.0
    return arguments


if __name__ == "__main__":
    parsed = parsed_arguments()
    with contextlib.redirect_stdout(sys.stderr):
        result = measure(parsed)
    print(json.dumps(result))
