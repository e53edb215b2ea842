"""Speech recognition by a Whisper of transformers, on this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from rlm.encoders.loading import quiet
from rlm.errors import WeightsMissing
from rlm.index.spoken.speech import RATE, Samples
from rlm.video.subtitles import Cue

# Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision (2022), section 4.5.
_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_NO_SPEECH = 0.6
_LOW_LOGPROB = -1.0
# Of tokens, not of text: 2.4 of the paper, as transformers counts.
_REPETITIVE = 1.35


class Whisper:
    """A Whisper of transformers, from a folder or a hub id whose files are on this machine.

    Raises ``WeightsMissing`` when they are not, are not in safetensors, or are no Whisper.
    """

    longest = 300.0

    def __init__(self, where: str) -> None:
        self.name = Path(where).name
        device = "cuda" if torch.cuda.is_available() else "cpu"
        here: dict[str, Any] = {"local_files_only": True}
        try:
            with quiet():
                kind = AutoConfig.from_pretrained(where, **here).model_type
                _check_kind(where, kind)
                self._tokenizer = AutoTokenizer.from_pretrained(where, **here)
                self._features = WhisperFeatureExtractor.from_pretrained(where, **here)
                model, report = WhisperForConditionalGeneration.from_pretrained(
                    where,
                    use_safetensors=True,
                    dtype=torch.float16 if device == "cuda" else torch.float32,
                    output_loading_info=True,
                    **here,
                )
        except WeightsMissing:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise WeightsMissing(
                f"no Whisper can be loaded from {where}: {reason[:200]}; download it "
                f"(hf download {where}), or give the folder of one"
            ) from error
        # transformers fills what is missing with random numbers and goes on.
        if lacking := sorted(report["missing_keys"]):
            raise WeightsMissing(
                f"the Whisper in {where} lacks {len(lacking)} tensors ({lacking[0]}, ...): "
                "fetch it again"
            )
        self._times = getattr(model.generation_config, "no_timestamps_token_id", None)
        if self._times is None:
            raise WeightsMissing(
                f"the Whisper in {where} tells no times: its generation_config.json has no "
                "no_timestamps_token_id; fetch it again"
            )
        self._model = model.to(device).eval().requires_grad_(False)

    def recognise(self, samples: Samples) -> tuple[str | None, list[Cue]]:
        """Whisper's long-form decoding: 30 s at a time, on from the last complete segment."""
        window = self._features.n_samples
        long = len(samples) > window
        made = self._features(
            samples,
            sampling_rate=RATE,
            padding="longest" if long else "max_length",
            truncation=not long,
            return_attention_mask=True,
            return_tensors="pt",
        )
        features = made["input_features"].to(self._model.device, self._model.dtype)
        options: dict[str, Any] = {"attention_mask": made["attention_mask"].to(features.device)}
        language = None
        if getattr(self._model.generation_config, "is_multilingual", False):
            language = self._language(features)
            options |= {"language": language, "task": "transcribe"}
        # Retries at a higher temperature draw at random; the same sound gives the same words.
        with torch.random.fork_rng(), torch.inference_mode(), quiet():
            torch.manual_seed(0)
            out = self._model.generate(
                features,
                return_timestamps=True,
                return_segments=True,
                temperature=_TEMPERATURES,
                compression_ratio_threshold=_REPETITIVE,
                logprob_threshold=_LOW_LOGPROB,
                no_speech_threshold=_NO_SPEECH,
                condition_on_prev_tokens=False,
                **options,
            )
        return language, [
            Cue(
                float(segment["start"]),
                float(segment["end"]),
                self._text(segment["tokens"]),
            )
            for segment in out["segments"][0]
        ]

    def _text(self, tokens: torch.Tensor) -> str:
        # The times stand between the words, as tokens after all others.
        words = [token for token in tokens.tolist() if token < self._times]
        return str(self._tokenizer.decode(words, skip_special_tokens=True)).strip()

    def _language(self, features: torch.Tensor) -> str:
        with torch.inference_mode():
            frames = self._features.nb_max_frames
            (token,) = self._model.detect_language(features[..., :frames]).tolist()
        return str(self._tokenizer.convert_ids_to_tokens(token)).strip("<|>")


def _check_kind(where: str, kind: str) -> None:
    if kind != "whisper":
        raise WeightsMissing(
            f"{where} holds a {kind} model, not a Whisper; give a folder or hub id of one"
        )
