"""Writes sentences.safetensors: what all-MiniLM-L6-v2 makes of mixed texts, by transformers.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, safetensors 0.8.0, numpy 2.4.6, and the model that
`make teachers` fetches:

    pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6
    python Tests/Golden/sentences.py

`texts` is a JSON array in the metadata; `embeddings` [texts, 384] are mean-pooled, normalized, and rounded to float16,
which changes a cosine by less than 1e-6. Texts are cut at 256 tokens, as the model's sentence_bert_config.json says.
The first two are the model card's; the others are of many lengths, scripts and kinds.
"""

import json
import os
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModel, AutoTokenizer

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODEL = CACHE / "retort" / "teachers" / "all-MiniLM-L6-v2"
WORDS = (
    "river stone Ärger naïve 東京 données 2,718.28 e-mail@example.org don't CO₂ кошка שלום مرحبا 🙂 🇫🇷 x=y+1 ALL-CAPS "
    "unbelievably antidisestablishmentarianism ß ﬁne ½ [MASK] # $5.00 tab\there").split(" ")


def texts():
    made = [
        "This is an example sentence", "Each sentence is converted", "", " ", "a", "A man is eating food.",
        "A man is eating a piece of bread.", "The girl is carrying a baby.", "Übung macht den Meister!",
        "El niño come manzanas.", "猫が好きです。", "你好，世界", "안녕하세요 세계", "Привет, мир!", "שלום עולם", "مرحبا بالعالم",
        "👩‍👩‍👧‍👦 family 🏳️‍🌈", "line one\nline two\r\nline three", "https://example.com/a?b=c&d=%20#e", "x" * 150,
        "for (int i = 0; i < n; ++i) { sum += a[i]; }", "\u200bzero\u200dwidth\ufeff", "control \x01\x02 characters",
        "Café cafe\u0301", "ＦＵＬＬ width", "The quick brown fox jumps over the lazy dog. " * 40,
    ]
    generator = np.random.default_rng(11)
    while len(made) < 64:
        made.append(" ".join(generator.choice(WORDS, int(generator.integers(1, 60)))))
    return made


def main():
    tokenizer, model = AutoTokenizer.from_pretrained(MODEL), AutoModel.from_pretrained(MODEL).eval()
    embeddings = []
    with torch.no_grad():
        for text in texts():
            given = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            hidden = model(**given).last_hidden_state[0]
            embeddings.append(torch.nn.functional.normalize(hidden.mean(0), dim=0).numpy())
    path = pathlib.Path(__file__).with_name("sentences.safetensors")
    metadata = {"texts": json.dumps(texts(), ensure_ascii=False)}
    save_file({"embeddings": np.array(embeddings).astype("<f2")}, path, metadata=metadata)
    path.chmod(0o644)


main()
