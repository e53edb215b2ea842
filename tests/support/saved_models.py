"""Small randomly initialised models of the real classes, saved as the hub has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlm.encoders import Encoder, find_weights, load_encoder

WORDS = "a the red green blue dog cat circle square moves runs sits to left right up down".split()


def save_vjepa(folder: Path, crop: int = 32, shard_size: str = "5GB", **changes: Any) -> Path:
    """A ``VJEPA2Model`` and the processor's configuration beside it."""
    import torch
    from transformers import VJEPA2Config, VJEPA2Model

    sizes = {
        "patch_size": 16,
        "crop_size": crop,
        "frames_per_clip": 8,
        "hidden_size": 48,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "pred_hidden_size": 24,
        "pred_num_attention_heads": 1,
        "pred_num_hidden_layers": 1,
        "num_pooler_layers": 1,
    }
    torch.manual_seed(0)
    model = VJEPA2Model(VJEPA2Config(**(sizes | changes)))
    model.save_pretrained(folder, max_shard_size=shard_size)
    processor = {
        "crop_size": {"height": crop, "width": crop},
        "do_center_crop": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": int(crop * 256 / 224)},
    }
    (folder / "video_preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def save_siglip(folder: Path, crop: int = 32, *, flexible: bool = False) -> Path:
    """A ``SiglipModel``, or a ``Siglip2Model`` when ``flexible``, with tokenizer and processor."""
    import torch
    from transformers import Siglip2Config, Siglip2Model, SiglipConfig, SiglipModel

    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
    }
    text = shape | {"vocab_size": 64, "projection_size": 32}
    torch.manual_seed(1)
    if flexible:
        vision: dict[str, Any] = shape | {"num_patches": (crop // 16) ** 2}
        Siglip2Model(Siglip2Config(vision_config=vision, text_config=text)).save_pretrained(folder)
    else:
        vision = shape | {"image_size": crop}
        SiglipModel(SiglipConfig(vision_config=vision, text_config=text)).save_pretrained(folder)
    processor = {
        "do_convert_rgb": None,
        "do_normalize": True,
        "do_rescale": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": crop, "width": crop},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    save_word_tokenizer(folder)
    return folder


def save_word_tokenizer(folder: Path) -> None:
    """A tokenizer that knows ``WORDS``, ends a text with ``</s>`` and pads on the wrong side."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="left",
    ).save_pretrained(folder)


def save_videoprism(folder: Path, crop: int = 36, frames: int = 4) -> Path:
    """A ``VideoPrismClipModel`` with its tokenizer and processor."""
    import torch
    from transformers import VideoPrismClipModel, VideoPrismConfig, VideoPrismTokenizer

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    vision = shape | {
        "image_size": crop,
        "num_frames": frames,
        "num_spatial_layers": 2,
        "num_temporal_layers": 1,
        "num_auxiliary_layers": 1,
    }
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(f"▁{word}", -1.0) for word in WORDS] + [(".", -1.0)]
    text = shape | {"num_hidden_layers": 2, "vocab_size": len(vocabulary) + 100}
    torch.manual_seed(2)
    VideoPrismClipModel(VideoPrismConfig(vision_config=vision, text_config=text)).save_pretrained(
        folder
    )
    VideoPrismTokenizer(vocab=vocabulary).save_pretrained(folder)
    processor = {"do_normalize": False, "size": {"height": crop, "width": crop}}
    (folder / "processor_config.json").write_text(json.dumps({"video_processor": processor}))
    return folder


def overlapped(place: str | Path, stride: int) -> Encoder:
    """The encoder of a preset or folder, with windows that start ``stride`` pictures apart."""
    spec = find_weights(place)
    return load_encoder(replace(spec, preset=replace(spec.preset, stride=stride)))


def save_classifier(folder: Path, crop: int = 32) -> Path:
    """A ``VJEPA2ForVideoClassification``: the same backbone with a head of three classes."""
    import torch
    from transformers import VJEPA2Config, VJEPA2ForVideoClassification

    save_vjepa(folder, crop)
    names = ["dropping something", "lifting something", "turning something"]
    config = VJEPA2Config.from_pretrained(folder, num_pooler_layers=2, num_labels=3)
    config.id2label = dict(enumerate(names))
    torch.manual_seed(3)
    model = VJEPA2ForVideoClassification(config)
    with torch.no_grad():  # as initialised, all classes would be as good as equal
        model.classifier.weight.normal_(0, 0.5)
        model.pooler.query_tokens.normal_(0, 0.5)
    model.save_pretrained(folder)
    return folder


def meta_probe(
    hidden: int, blocks: int = 2, *, anticipates: bool = False, classes: int = 4
) -> dict[str, Any]:
    """What a ``.pt`` file of Meta's probes holds, with random tensors and small sizes."""
    import torch

    generator = torch.Generator().manual_seed(4)
    inner = 4 * hidden
    layer = {"norm1": (hidden,), "norm2": (hidden,), "mlp.fc1": (inner, hidden)}
    layer |= {"mlp.fc2": (hidden, inner)}
    own = layer | {"attn.qkv": (3 * hidden, hidden), "attn.proj": (hidden, hidden)}
    cross = layer | {"xattn.q": (hidden, hidden), "xattn.kv": (2 * hidden, hidden)}
    shapes: dict[str, tuple[int, ...]] = {
        "pooler.cross_attention_block." + n: s for n, s in cross.items()
    }
    for number in range(blocks):
        shapes |= {f"pooler.blocks.{number}.{name}": shape for name, shape in own.items()}
    if anticipates:
        for more, head in enumerate(("verb", "noun", "action")):
            shapes[f"{head}_classifier"] = (classes + more, hidden)
    else:
        shapes["linear"] = (classes, hidden)
    state = {}
    for name, shape in shapes.items():
        state[f"module.{name}.weight"] = torch.randn(shape, generator=generator) * 0.3
        state[f"module.{name}.bias"] = torch.randn(shape[0], generator=generator) * 0.3
    queries = torch.randn(1, 3 if anticipates else 1, hidden, generator=generator)
    state["module.pooler.query_tokens"] = queries
    return {"classifiers": [state], "opt": [{}], "scaler": None, "epoch": 20, "batch_size": 2}
