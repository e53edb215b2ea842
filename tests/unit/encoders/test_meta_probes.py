"""Meta's ``.pt`` probes, against their arithmetic written out."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from saved_models import meta_probe
from torch import Tensor
from torch.nn.functional import gelu, layer_norm

from rlm.encoders.meta_probes import read_meta
from rlm.encoders.published import PooledClassifier
from rlm.errors import WeightsMissing

HIDDEN, HEADS = 48, 16


def saved(folder: Path, content: Any) -> Path:
    torch.save(content, folder / "probe.pt")
    return folder / "probe.pt"


def by_hand(state: dict[str, Tensor], tokens: Tensor, linear: str, query: int) -> Tensor:
    """Logits [B, classes] by the definition: loops over heads and no library for attention."""
    state = {name.removeprefix("module."): each for name, each in state.items()}

    def project(name: str, values: Tensor) -> Tensor:
        return values @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(name: str, values: Tensor) -> Tensor:
        return layer_norm(values, (HIDDEN,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        heads, width = [], HIDDEN // HEADS
        for head in range(HEADS):
            rows = slice(head * width, (head + 1) * width)
            scores = queries[..., rows] @ keys[..., rows].transpose(1, 2) / math.sqrt(width)
            heads.append(scores.softmax(-1) @ values[..., rows])
        return torch.cat(heads, -1)

    def mlp(name: str, values: Tensor) -> Tensor:
        inner = gelu(project(f"{name}.mlp.fc1", norm(f"{name}.norm2", values)))
        return values + project(f"{name}.mlp.fc2", inner)

    blocks = {name.split(".")[2] for name in state if name.startswith("pooler.blocks.")}
    for number in sorted(blocks):
        name = f"pooler.blocks.{number}"
        q, k, v = project(f"{name}.attn.qkv", norm(f"{name}.norm1", tokens)).chunk(3, -1)
        tokens = mlp(name, tokens + project(f"{name}.attn.proj", attend(q, k, v)))
    name = "pooler.cross_attention_block"
    looking = state["pooler.query_tokens"].expand(len(tokens), -1, -1)
    k, v = project(f"{name}.xattn.kv", norm(f"{name}.norm1", tokens)).chunk(2, -1)
    looking = looking + attend(project(f"{name}.xattn.q", looking), k, v)
    return project(linear, mlp(name, looking)[:, query])


@pytest.mark.parametrize(
    ("anticipates", "head", "linear", "query", "classes"),
    [
        (False, "action", "linear", 0, 4),
        (True, "verb", "verb_classifier", 0, 4),
        (True, "noun", "noun_classifier", 1, 5),
        (True, "action", "action_classifier", 2, 6),
    ],
)
def test_each_head_is_what_its_definition_says(
    tmp_path: Path, anticipates: bool, head: str, linear: str, query: int, classes: int
) -> None:
    content = meta_probe(HIDDEN, 3, anticipates=anticipates)
    probe = read_meta(saved(tmp_path, content), head)
    assert (probe.hidden, probe.classes, probe.anticipates) == (HIDDEN, classes, anticipates)
    tokens = torch.randn(2, 7, HIDDEN, generator=torch.Generator().manual_seed(0))
    told = PooledClassifier.of(probe.state)(tokens)
    wanted = by_hand(content["classifiers"][0], tokens, linear, query)
    assert torch.allclose(told, wanted, atol=1e-4)
    assert wanted.std() > 0.1


def test_without_self_attention_and_with_other_names(tmp_path: Path) -> None:
    content = meta_probe(HIDDEN, 0)
    state = content["classifiers"][0]
    content["classifiers"][0] = {
        n.removeprefix("module."): each.half() for n, each in state.items()
    }
    probe = read_meta(saved(tmp_path, content))
    tokens = torch.randn(1, 5, HIDDEN, generator=torch.Generator().manual_seed(1))
    told = PooledClassifier.of(probe.state)(tokens)
    assert torch.allclose(told, by_hand(state, tokens, "linear", 0), atol=0.05)


def without(name: str) -> dict[str, Any]:
    content = meta_probe(HIDDEN)
    del content["classifiers"][0][f"module.{name}"]
    return content


def also(name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    content = meta_probe(HIDDEN)
    content["classifiers"][0][f"module.{name}"] = torch.zeros(shape)
    return content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"encoder": {}}, "no list of 'classifiers'"),
        ({"classifiers": []}, "no list of 'classifiers'"),
        ([1, 2], "no list of 'classifiers'"),
        (without("pooler.query_tokens"), "lacks pooler.query_tokens"),
        (without("linear.bias"), "lacks linear.bias"),
        (without("pooler.blocks.1.mlp.fc1.bias"), "mlp.fc1.bias"),
        (also("pooler.blocks.0.attn.rope", (3,)), "attn.rope is in no probe"),
        (also("pooler.blocks.0.attn.proj.bias", (7,)), "size mismatch"),
        (meta_probe(HIDDEN, anticipates=True), "no head 'mood': there are verb, noun, action"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(WeightsMissing) as caught:
        read_meta(saved(tmp_path, content), "mood" if "mood" in says else "action")
    message = str(caught.value)
    assert says in message and "probe.pt cannot be used" in message and "\n" not in message


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must not run",)


def test_a_file_cannot_run_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(tmp_path, {"classifiers": [Runs()]})
    with pytest.raises(WeightsMissing, match="damaged, or holds more than tensors"):
        read_meta(file)
    file.write_bytes(pickle.dumps(Runs(), protocol=2))
    with pytest.raises(WeightsMissing, match="damaged, or holds more than tensors"):
        read_meta(file)
    file.write_bytes(saved(tmp_path, meta_probe(HIDDEN)).read_bytes()[:-200])
    with pytest.raises(WeightsMissing, match="damaged, or holds more than tensors"):
        read_meta(file)
    assert capsys.readouterr().out == ""
