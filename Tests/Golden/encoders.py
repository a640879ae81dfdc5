"""Writes encoders/: tiny encoders of every family and head, as transformers saves them, and what they give.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, safetensors 0.8.0, numpy 2.4.6:

    pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6
    python Tests/Golden/encoders.py

Each directory holds config.json and model.safetensors (float32, from save_pretrained), for sentence embeddings also the
modules.json, 1_Pooling/config.json and sentence_bert_config.json of sentence-transformers, and expected.safetensors:
the packed `hidden.0` (the embedding's output), `hidden.1`, … [N, C], `output` (logits, numbers or embeddings), `seed`, a random
∂L/∂output, and `gradient.X` for every weight X that L depends on, under its published name. The metadata hold the token
`sequences` and, where the family has them, the token `types`. The reference computes in float64, sequence by sequence.
"""

import json
import pathlib
import shutil

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import (
    BertConfig, BertForMaskedLM, BertForPreTraining, BertForSequenceClassification, BertModel, DistilBertConfig,
    DistilBertForMaskedLM, DistilBertForSequenceClassification, DistilBertModel, RobertaConfig, RobertaForMaskedLM,
    RobertaForSequenceClassification, RobertaModel, XLMRobertaConfig, XLMRobertaForSequenceClassification,
)

DIRECTORY = pathlib.Path(__file__).with_name("encoders")
VOCABULARY = 21
LABELS = ["no", "maybe", "yes"]

BERT = dict(
    vocab_size=VOCABULARY, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12,
    max_position_embeddings=9, initializer_range=0.4, attn_implementation="eager")
ROBERTA = dict(
    BERT, max_position_embeddings=11, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    layer_norm_eps=1e-5)
DISTILBERT = dict(
    vocab_size=VOCABULARY, dim=8, n_layers=1, n_heads=2, hidden_dim=12, max_position_embeddings=9,
    initializer_range=0.4, attn_implementation="eager")
NAMES = dict(id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)})

# name: class, configuration, and for sentence embeddings the pooling and whether they are normalized.
MODELS = {
    "bert-classification": (BertForSequenceClassification, BertConfig(**{**BERT, "num_hidden_layers": 2}, **NAMES)),
    "bert-regression": (
        BertForSequenceClassification, BertConfig(**BERT, num_labels=1, hidden_act="gelu_new", layer_norm_eps=1e-3)),
    "bert-masked": (BertForMaskedLM, BertConfig(**BERT, hidden_act="relu")),
    "bert-pretraining": (BertForPreTraining, BertConfig(**BERT, type_vocab_size=3)),
    "bert-embedding": (BertModel, BertConfig(**BERT), "mean", True),
    "roberta-classification": (
        RobertaForSequenceClassification, RobertaConfig(**{**ROBERTA, "num_hidden_layers": 2}, **NAMES)),
    "roberta-masked": (RobertaForMaskedLM, RobertaConfig(**ROBERTA, hidden_act="relu")),
    "roberta-embedding": (RobertaModel, RobertaConfig(**ROBERTA, hidden_act="gelu_pytorch_tanh"), "cls", False),
    "xlm-roberta-regression": (
        XLMRobertaForSequenceClassification,
        XLMRobertaConfig(**ROBERTA, num_labels=2, problem_type="regression")),
    "distilbert-classification": (
        DistilBertForSequenceClassification, DistilBertConfig(**{**DISTILBERT, "n_layers": 2}, **NAMES)),
    "distilbert-masked": (DistilBertForMaskedLM, DistilBertConfig(**DISTILBERT, activation="relu")),
    "distilbert-embedding": (DistilBertModel, DistilBertConfig(**DISTILBERT), "max", True),
}


def write_modules(directory, pooling, normalized, width):
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * normalized
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)]
    (directory / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    (directory / "1_Pooling").mkdir()
    modes = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max", "mean_sqrt_len_tokens": "mean_sqrt_len"}
    configuration = {"word_embedding_dimension": width}
    configuration.update({f"pooling_mode_{key}": pooling == mode for key, mode in modes.items()})
    (directory / "1_Pooling" / "config.json").write_text(json.dumps(configuration, indent=2) + "\n")
    text = {"max_seq_length": 8, "do_lower_case": False}
    (directory / "sentence_bert_config.json").write_text(json.dumps(text, indent=2) + "\n")


def pool(hidden, pooling, normalized):
    pooled = {"cls": lambda: hidden[0], "mean": lambda: hidden.mean(0), "max": lambda: hidden.max(0).values}[pooling]()
    return torch.nn.functional.normalize(pooled, dim=0) if normalized else pooled


def write(name, kind, config, pooling=None, normalized=False):
    torch.manual_seed(20)
    generator = np.random.default_rng(7)
    model = kind(config).eval()
    with torch.no_grad():
        # Biases, norms and the row of the padding start at 0 and 1, where a mistake with them would not show.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.2 * torch.randn_like(parameter)
        model.get_input_embeddings().weight[config.pad_token_id] = 0.4 * torch.randn(config.hidden_size)
    directory = DIRECTORY / name
    model.save_pretrained(directory)
    if pooling:
        write_modules(directory, pooling, normalized, config.hidden_size)

    model = model.double()
    # Id 1 is RoBERTa's padding, which shifts its positions.
    sequences = [generator.integers(3, VOCABULARY, length).tolist() for length in (5, 1, 9)]
    types = [generator.integers(0, getattr(config, "type_vocab_size", 1), len(s)).tolist() for s in sequences]
    outputs, states = [], []
    for sequence, kinds in zip(sequences, types):
        given = {"input_ids": torch.tensor([sequence])}
        if not isinstance(config, DistilBertConfig):
            given["token_type_ids"] = torch.tensor([kinds])
        output = model(**given, output_hidden_states=True)
        states.append([state[0] for state in output.hidden_states])
        if pooling:
            outputs.append(pool(output.last_hidden_state[0], pooling, normalized)[None])
        else:
            logits = getattr(output, "prediction_logits", getattr(output, "logits", None))
            outputs.append(logits[0] if logits.dim() == 3 else logits)
    output = torch.cat(outputs)
    seed = torch.from_numpy(generator.standard_normal(tuple(output.shape)).astype("<f4")).double()
    output.backward(seed)
    tensors = {"output": output, "seed": seed}
    tensors.update({f"hidden.{i}": torch.cat([s[i] for s in states]) for i in range(len(states[0]))})
    tensors.update({f"gradient.{n}": p.grad for n, p in model.named_parameters() if p.grad is not None})
    metadata = {"sequences": json.dumps(sequences), "types": json.dumps(types)}
    save_file(
        {key: np.ascontiguousarray(value.detach().numpy(), dtype="<f4") for key, value in tensors.items()},
        directory / "expected.safetensors", metadata=metadata)


def main():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    for name, arguments in MODELS.items():
        write(name, *arguments)


main()
