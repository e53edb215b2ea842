"""Published probes beside an encoder: transformers' own, and those that read the future."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from saved_models import meta_probe, save_classifier, save_vjepa

from rlm.encoders import find_weights, load_encoder
from rlm.encoders.loading import AS_RELEASED, load_vjepa2
from rlm.encoders.meta_probes import read_meta
from rlm.encoders.pixels import normalised
from rlm.encoders.probes import Probe
from rlm.encoders.published import PooledClassifier, tasks_of
from rlm.errors import UsageError, WeightsMissing

WINDOWS = [
    np.random.default_rng(number).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    for number, count in enumerate((8, 4, 8))
]


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bfloat16, whatever this machine computes natively: what is compared is arithmetic."""
    monkeypatch.setattr("rlm.encoders.torch_encoder.pick_dtype", lambda *_: torch.float32)


def test_a_classification_head_is_what_transformers_says(tmp_path: Path) -> None:
    from transformers import VJEPA2ForVideoClassification

    folder = save_classifier(tmp_path / "head")
    encoder = load_encoder(folder)
    assert encoder.tasks == tasks_of(encoder.spec) == ("action",)
    told = encoder.classify(WINDOWS, "action")
    model = VJEPA2ForVideoClassification.from_pretrained(folder).eval()
    for window, shares in zip(WINDOWS, told, strict=True):
        pixels = normalised(window[None], "vjepa2", torch.device("cpu"), torch.float32)
        with torch.no_grad():
            wanted = model(pixel_values_videos=pixels).logits.softmax(-1)[0].tolist()
        assert list(shares) == ["dropping something", "lifting something", "turning something"]
        assert list(shares.values()) == pytest.approx(wanted, abs=1e-4)
    assert np.ptp(list(told[0].values())) > 0.05


def test_weights_without_probes_bring_no_task(tmp_path: Path) -> None:
    encoder = load_encoder(save_vjepa(tmp_path / "plain"))
    assert encoder.tasks == () == tasks_of(encoder.spec)
    assert tasks_of(find_weights("builtin")) == load_encoder("builtin").tasks
    assert "colour" in load_encoder("builtin").tasks


def test_a_head_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "head")
    config = json.loads((folder / "config.json").read_text())
    labels = config["id2label"]
    for wrong in ({"0": "a"}, {"0": "a", "1": "b", "2": "a"}):
        (folder / "config.json").write_text(json.dumps(config | {"id2label": wrong}))
        with pytest.raises(WeightsMissing, match=r"^the classification head in [^\n]*$"):
            load_encoder(folder).classify(WINDOWS, "action")
    (folder / "config.json").write_text(json.dumps(config | {"id2label": labels}))
    tensors = load_file(folder / "model.safetensors")
    del tensors["pooler.query_tokens"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsMissing, match=r"^the classification head in [^\n]*query_tokens"):
        load_encoder(folder).classify(WINDOWS, "action")


def future_probe(folder: Path, ahead: float) -> Probe:
    torch.save(meta_probe(48, anticipates=True), folder / "ek100.pt")
    head = PooledClassifier.of(read_meta(folder / "ek100.pt").state)
    return Probe(head, tuple("abcdef"), reads="future", ahead=ahead)


def test_the_future_is_foretold_as_such_a_probe_was_trained(tmp_path: Path) -> None:
    """One tubelet, by itself, with the mask token that the file has where transformers looks."""
    folder = save_vjepa(tmp_path / "plain", frames_per_clip=16, pred_zero_init_mask_tokens=False)
    tensors = load_file(folder / "model.safetensors")
    used = tensors["predictor.embeddings.mask_tokens"]
    used[1] = used[0].roll(1)  # a file whose trained token is number 0, and number 1 another
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"mask_token": 0}))

    encoder = load_encoder(folder)
    probe = future_probe(tmp_path, ahead=1.0)
    (told,) = encoder.classify(WINDOWS[:1], probe)

    model = load_vjepa2(encoder.spec, torch.float32)
    assert torch.equal(getattr(model.predictor, AS_RELEASED), used[1])
    model.predictor.embeddings.mask_tokens[1] = used[1]
    pixels = normalised(WINDOWS[0][None], "vjepa2", torch.device("cpu"), torch.float32)
    with torch.no_grad():
        seen = model.encoder(pixel_values_videos=pixels).last_hidden_state
        # 8 pictures are 4 tubelets of 4 tokens; 1 s at 4 pictures a second skips two more.
        context, target = torch.arange(16)[None], torch.arange(24, 28)[None]
        foretold = model.predictor(seen, [context], [target]).last_hidden_state
        wanted = probe.head(torch.cat([seen, foretold], 1)).softmax(-1)[0]
    assert list(told.values()) == pytest.approx(wanted.tolist(), abs=1e-4)
    other = Probe(probe.head, probe.classes, reads="tokens")
    assert encoder.classify(WINDOWS[:1], other)[0] != told


def test_a_future_beyond_the_trained_range_is_refused(tmp_path: Path) -> None:
    encoder = load_encoder(save_vjepa(tmp_path / "plain"))
    with pytest.raises(UsageError, match=r"what follows 1 s after 4 tubelets is out of the range"):
        encoder.classify(WINDOWS, future_probe(tmp_path, ahead=1.0))
