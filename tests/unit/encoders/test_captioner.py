"""The captioner: words, any decoder, and what it says of what it was shown."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from saved_heads import save_seeing
from saved_models import save_vjepa
from transformers import PreTrainedModel

from rlm.encoders import Encoder, load_encoder
from rlm.encoders.captioner import Captioner, Words
from rlm.errors import UsageError, WeightsMissing

HIDDEN = 12
TEXTS = (
    "a red circle moves up",
    "a blue square stays still, while a red circle moves to the left",
    "a red square moves up and then stops",
    "a blue circle moves to the left",
)
WORDS = Words.of(TEXTS)


def _llama(words: int) -> PreTrainedModel:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=words,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            tie_word_embeddings=True,
        )
    )


def _qwen2(words: int) -> PreTrainedModel:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=words,
            hidden_size=24,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=False,
        )
    )


def _gpt2(words: int) -> PreTrainedModel:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 256}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(vocab_size=words, **sizes, **ends))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(save_seeing(tmp_path_factory.mktemp("weights") / "seeing"))


DECODERS = {"llama": _llama, "qwen2": _qwen2, "gpt2": _gpt2}


@pytest.fixture(scope="module", params=DECODERS)
def captioner(request: pytest.FixtureRequest) -> Captioner:
    torch.manual_seed(0)
    return Captioner(HIDDEN, DECODERS[request.param](len(WORDS)), WORDS).eval()


@pytest.fixture(scope="module")
def taught() -> tuple[Captioner, torch.Tensor]:
    """One that has learnt by heart what to say of four clips."""
    torch.manual_seed(0)
    captioner = Captioner(HIDDEN, _llama(len(WORDS)), WORDS)
    tokens = torch.randn(len(TEXTS), 6, HIDDEN)
    ids = captioner.targets(TEXTS)
    optimizer = torch.optim.Adam(captioner.parameters(), lr=5e-3)
    for _ in range(80):
        optimizer.zero_grad()
        captioner(tokens, ids).backward()
        optimizer.step()
    return captioner.eval(), tokens


@given(st.lists(st.sampled_from([*WORDS.words]), max_size=20))
def test_words_come_back_as_they_were(words: list[str]) -> None:
    text = " ".join(words).replace(" ,", ",")
    assert WORDS.decode(WORDS.encode(text)) == text
    assert WORDS.eos_token_id not in WORDS.encode(text)


def test_a_word_there_is_not() -> None:
    with pytest.raises(KeyError, match="zebra"):
        WORDS.encode("a zebra")


def test_it_learns_to_tell_clips_apart(taught: tuple[Captioner, torch.Tensor]) -> None:
    captioner, tokens = taught
    said = captioner.captions(tokens)
    assert tuple(text for text, _ in said) == TEXTS
    assert all(0.8 < score <= 1 for _, score in said)


def test_a_batch_says_what_each_of_it_says(captioner: Captioner) -> None:
    tokens = torch.randn(5, 9, HIDDEN, generator=torch.Generator().manual_seed(1))
    together = captioner.captions(tokens)
    assert together == captioner.captions(tokens)
    for number, (text, score) in enumerate(together):
        ((alone, chance),) = captioner.captions(tokens[number : number + 1])
        assert alone == text and chance == pytest.approx(score, rel=1e-3)
    assert captioner.captions(tokens[:0]) == []


def test_the_score_is_what_training_makes_likely(taught: tuple[Captioner, torch.Tensor]) -> None:
    captioner, tokens = taught
    for number, (text, score) in enumerate(captioner.captions(tokens)):
        with torch.no_grad():
            loss = captioner(tokens[number : number + 1], captioner.targets([text]))
        assert score == pytest.approx(math.exp(-float(loss)), rel=1e-3)


def test_every_decoder_can_be_trained(captioner: Captioner) -> None:
    tokens = torch.randn(4, 6, HIDDEN, generator=torch.Generator().manual_seed(2))
    loss = captioner(tokens, captioner.targets(TEXTS))
    loss.backward()
    assert loss.ndim == 0 and float(loss.detach()) < 2 * math.log(len(WORDS))
    assert all(p.grad is not None for p in captioner.projector.parameters())
    captioner.zero_grad()


def test_a_tokenizer_of_transformers_will_do() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["</s>", *WORDS.words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="</s>"))
    tokenizer.pre_tokenizer = Whitespace()
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>")
    torch.manual_seed(0)
    captioner = Captioner(HIDDEN, _qwen2(len(vocabulary)), theirs).eval()
    assert (
        captioner.targets(TEXTS).tolist()
        == Captioner(HIDDEN, _llama(len(WORDS)), WORDS).targets(TEXTS).tolist()
    )
    (text, score), _ = captioner.captions(torch.randn(2, 6, HIDDEN))
    assert isinstance(text, str) and 0 < score <= 1
    with pytest.raises(TypeError, match="words of its own"):
        captioner.save(Path("nowhere"))


class TestSaved:
    def test_it_says_the_same_afterwards(
        self, taught: tuple[Captioner, torch.Tensor], tmp_path: Path
    ) -> None:
        captioner, tokens = taught
        captioner.save(tmp_path)
        loaded = Captioner.load(tmp_path)
        assert [text for text, _ in loaded.captions(tokens)] == list(TEXTS)
        assert not any(p.requires_grad or p.dtype != torch.float32 for p in loaded.parameters())
        # Tied embeddings are there once, in half precision.
        numbers = sum(parameter.numel() for parameter in captioner.parameters())
        size = (tmp_path / "captioner.safetensors").stat().st_size
        assert 2 * numbers <= size < 2 * numbers + 8000

    def test_any_class_of_decoder(self, captioner: Captioner, tmp_path: Path) -> None:
        captioner.save(tmp_path)
        loaded = Captioner.load(tmp_path)
        assert type(loaded.decoder) is type(captioner.decoder)
        tokens = torch.randn(2, 6, HIDDEN)
        before, after = (each.captions(tokens)[0][1] for each in (captioner, loaded))
        assert after == pytest.approx(before, rel=0.05)

    @pytest.mark.parametrize("name", ["captioner.json", "captioner.safetensors"])
    def test_damage_is_refused(self, captioner: Captioner, tmp_path: Path, name: str) -> None:
        captioner.save(tmp_path)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-40])
        with pytest.raises(WeightsMissing, match=r"^the captioner in [^\n]*$"):
            Captioner.load(tmp_path)

    def test_files_of_two_captioners_are_refused(
        self, captioner: Captioner, tmp_path: Path
    ) -> None:
        captioner.save(tmp_path)
        told = json.loads((tmp_path / "captioner.json").read_text())
        told["hidden"] += 1
        (tmp_path / "captioner.json").write_text(json.dumps(told))
        with pytest.raises(WeightsMissing, match="size mismatch"):
            Captioner.load(tmp_path)


class TestEncoder:
    def test_windows_of_mixed_length_come_back_in_order(self, encoder: Encoder) -> None:
        rng = np.random.default_rng(0)
        windows = [rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8) for n in (16, 4, 16, 3)]
        together = encoder.caption(windows)
        for window, (text, score) in zip(windows, together, strict=True):
            ((alone, chance),) = encoder.caption([window])
            assert alone == text and chance == pytest.approx(score, rel=1e-2)

    def test_other_weights_say_that_they_cannot(self, tmp_path: Path) -> None:
        plain = load_encoder(save_vjepa(tmp_path / "plain"))
        with pytest.raises(UsageError, match="plain brings no captioner: preset builtin does"):
            plain.caption([])

    def test_it_is_loaded_when_it_is_wanted(self, tmp_path: Path) -> None:
        folder = save_seeing(tmp_path / "seeing")
        (folder / "captioner.json").write_text("{")
        encoder = load_encoder(folder)
        with pytest.raises(WeightsMissing, match="the captioner in"):
            encoder.caption([])

    def test_loading_an_encoder_brings_in_no_language_model(self, tmp_path: Path) -> None:
        folder = save_seeing(tmp_path / "seeing")
        code = (
            "import sys; from rlm.encoders import load_encoder; "
            f"load_encoder({str(folder)!r}); print('llama' in str(sys.modules.keys()))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "False", done.stderr
