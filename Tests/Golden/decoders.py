"""Writes decoders/: tiny decoders of every family and feature, as transformers saves them, and what they give.

Made with Python 3.11, torch 2.15.0 (CPU), transformers 5.23.0, safetensors 0.8.0, gguf 0.19.0, numpy 2.4.6:

    pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 gguf==0.19.0 numpy==2.4.6
    python Tests/Golden/decoders.py

Each directory holds config.json and model.safetensors (float32, from save_pretrained) and expected.json: token sequences,
for each its hidden states (embeddings, every layer's output before the last norm, the last after it) and logits, a random ∂L/∂logits and
the gradients of all weights under their published names. Those in GGUF_FILES also hold the same model as model.gguf, laid
out as llama.cpp's converter does it: its scaled angles, its order of rows; the weights of llama-blocks in its blocks. The reference computes in float64. Tensors in expected.json are
base64 of little-endian float32.
"""

import base64
import copy
import json
import pathlib
import shutil

import gguf
import numpy as np
import torch
from transformers import (
    GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM,
)

DIRECTORY = pathlib.Path(__file__).with_name("decoders")
VOCABULARY = 23

LLAMA = dict(
    vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.3, bos_token_id=1, eos_token_id=2,
    tie_word_embeddings=True, attn_implementation="eager")
GPT2 = dict(
    vocab_size=VOCABULARY, n_positions=24, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3, bos_token_id=0,
    eos_token_id=0, attn_implementation="eager")

MODELS = {
    "gpt2": (GPT2LMHeadModel, GPT2Config(**GPT2)),
    "gpt2-gelu-untied": (
        GPT2LMHeadModel,
        GPT2Config(**GPT2, n_inner=20, activation_function="gelu", tie_word_embeddings=False)),
    "llama": (LlamaForCausalLM, LlamaConfig(**LLAMA)),
    "llama-biases-linear": (
        LlamaForCausalLM,
        LlamaConfig(**{
            **LLAMA, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False, "head_dim": 6,
            "num_key_value_heads": 1, "rms_norm_eps": 1e-3,
            "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 100.0}})),
    "llama3-scaling": (
        LlamaForCausalLM,
        LlamaConfig(**{
            **LLAMA, "head_dim": 8, "num_key_value_heads": 4,
            "rope_parameters": {
                "rope_type": "llama3", "rope_theta": 50.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 16}})),
    "llama-yarn": (
        LlamaForCausalLM,
        LlamaConfig(**{
            **LLAMA, "head_dim": 12,
            "rope_parameters": {
                "rope_type": "yarn", "rope_theta": 50.0, "factor": 4.0, "beta_fast": 4.0, "beta_slow": 1.0,
                "original_max_position_embeddings": 16}})),
    "qwen2": (
        Qwen2ForCausalLM,
        Qwen2Config(**{**LLAMA, "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}})),
    "llama-blocks": (
        LlamaForCausalLM,
        LlamaConfig(**{
            **LLAMA, "hidden_size": 32, "intermediate_size": 32, "tie_word_embeddings": False, "rms_norm_eps": 1e-3,
            "eos_token_id": [2, 5],
            "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100.0}})),
}
GGUF_FILES = ["llama", "qwen2", "llama3-scaling", "llama-blocks"]


def packed(tensor):
    values = tensor.detach().numpy().astype("<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


BLOCKS = {
    "attn_q": gguf.GGMLQuantizationType.Q8_0, "attn_k": gguf.GGMLQuantizationType.Q4_0,
    "attn_v": gguf.GGMLQuantizationType.Q4_1, "attn_output": gguf.GGMLQuantizationType.Q4_0,
    "ffn_gate": gguf.GGMLQuantizationType.Q4_1, "ffn_up": gguf.GGMLQuantizationType.Q8_0,
    "ffn_down": gguf.GGMLQuantizationType.Q4_0, "token_embd": gguf.GGMLQuantizationType.Q4_1,
    "output": gguf.GGMLQuantizationType.Q8_0,
}


def gguf_name(name):
    name = name.replace("model.layers.", "blk.")
    for ours, theirs in GGUF_NAMES.items():
        name = name.replace(ours, theirs)
    return name


def block_type(name):
    """The format of the blocks of a matrix; None for a vector, which stays as it is."""
    return BLOCKS.get(gguf_name(name).split(".")[-2])


def angle_factors(config):
    """What the converter divides the frequencies of Llama 3's scaling by, in rope_freqs.weight."""
    scaling = config.rope_parameters
    original, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    factors = []
    for pair in range(config.head_dim // 2):
        wavelength = 2 * np.pi * scaling["rope_theta"] ** (2 * pair / config.head_dim)
        smooth = (original / wavelength - low) / (high - low)
        factors.append(1 if smooth > 1 else factor if smooth < 0 else 1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, dtype=np.float32)


def write_gguf(path, architecture, config, model, in_blocks):
    """The converter interleaves the halves of Llama's query and key heads, and leaves Qwen2's as they are."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if config.rope_parameters["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config.rope_parameters["factor"])
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_key_length(config.head_dim)
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_tensor("rope_freqs.weight", angle_factors(config))
    if isinstance(config.eos_token_id, list):
        writer.add_eos_token_id(config.eos_token_id[0])
        writer.add_eot_token_id(config.eos_token_id[1])
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        for head, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if architecture == "llama" and head in name:
                values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        values = np.ascontiguousarray(values)
        if in_blocks and block_type(name):
            writer.add_tensor(gguf_name(name), gguf.quantize(values, block_type(name)), raw_dtype=block_type(name))
        else:
            writer.add_tensor(gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write(name, family, config, generator):
    torch.manual_seed(20)
    model = family(config).eval()
    with torch.no_grad():
        # Biases and norms start at 0 and 1, where a mistake with them would not show.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.2 * torch.randn_like(parameter)
        original = copy.deepcopy(model)
        if name == "llama-blocks":
            for matrix, parameter in model.named_parameters():
                if kind := block_type(matrix):
                    blocks = gguf.quantize(parameter.detach().numpy(), kind)
                    parameter.copy_(torch.from_numpy(gguf.dequantize(blocks, kind)))
    directory = DIRECTORY / name
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    if name in GGUF_FILES:
        write_gguf(directory / "model.gguf", config.model_type, config, original, name == "llama-blocks")
    model = model.double()
    sequences = [generator.integers(0, VOCABULARY, length).tolist() for length in (7, 1, 20)]
    outputs = [model(torch.tensor([sequence]), output_hidden_states=True) for sequence in sequences]
    logits = torch.cat([output.logits[0] for output in outputs])
    seed = torch.from_numpy(generator.standard_normal(tuple(logits.shape)).astype("<f4")).double()
    logits.backward(seed)
    states = [torch.cat([output.hidden_states[i][0] for output in outputs]) for i in range(3)]
    expected = {
        "sequences": sequences,
        "hidden_states": [packed(state) for state in states],
        "logits": packed(logits),
        "seed": packed(seed),
        "gradients": {name: packed(p.grad) for name, p in model.named_parameters()},
    }
    (directory / "expected.json").write_text(json.dumps(expected, separators=(",", ":"), sort_keys=True) + "\n")


def main():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    generator = np.random.default_rng(7)
    for name, (family, config) in MODELS.items():
        write(name, family, config, generator)


main()
