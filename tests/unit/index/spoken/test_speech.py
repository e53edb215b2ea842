"""Speech recognition: over a real connection, and by a real Whisper with untrained weights."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.endpoints import LONGEST_WAIT
from rlm.errors import (
    MissingKey,
    ModelUnavailable,
    UnknownModel,
    UsageError,
    WeightsMissing,
)
from rlm.index.spoken.hosted import Hosted, flac
from rlm.index.spoken.speech import RATE, load_recogniser, quiet_pieces, transcribe
from rlm.video import Video
from rlm.video.subtitles import Cue


@dataclass
class Listener:
    """An endpoint for transcription: its address, and the forms that came in."""

    url: str
    forms: list[dict[str, bytes]] = field(default_factory=list)

    def sound(self, number: int) -> np.ndarray:
        with av.open(io.BytesIO(self.forms[number]["file"])) as container:
            assert container.format.name == "flac"
            assert container.streams.audio[0].rate == RATE
            parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        return np.concatenate(parts) / 32767


Reply = dict[str, Any] | tuple[int, dict[str, str], str]


@contextmanager
def listening(replies: Sequence[Reply]) -> Iterator[Listener]:
    """Answer each request with the next of ``replies``; the last one repeats."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
            form = {
                str(part.get_param("name", header="content-disposition")): part.get_payload(
                    decode=True
                )
                for part in message_from_bytes(head + body).get_payload()
            }
            with lock:
                reply = replies[min(len(listener.forms), len(replies) - 1)]
                listener.forms.append(form | {"path": self.path.encode()})
            status, headers, text = (
                (200, {}, json.dumps(reply)) if isinstance(reply, dict) else reply
            )
            self.send_response(status)
            raw = text.encode()
            sent = {"content-type": "application/json", "content-length": str(len(raw)), **headers}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    listener = Listener(f"http://127.0.0.1:{server.server_port}/v1")
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def refusal(status: int, words: str = "no", **headers: str) -> Reply:
    return status, headers, json.dumps({"error": {"message": words, "type": "x"}})


def said(*segments: tuple[float, float, str], **more: Any) -> dict[str, Any]:
    return {
        "task": "transcribe",
        "language": "english",
        "duration": 9.0,
        "text": " ".join(text for _, _, text in segments),
        "segments": [
            {"id": n, "start": start, "end": end, "text": text} | more
            for n, (start, end, text) in enumerate(segments)
        ],
    }


def tones(spans: Sequence[tuple[float, float]], seconds: float) -> np.ndarray:
    """A tone in each of ``spans``, silence between, float32 ``[n]``."""
    times = np.arange(int(seconds * RATE)) / RATE
    on = np.any([(start <= times) & (times < end) for start, end in spans], axis=0)
    return (0.5 * np.sin(2 * np.pi * 440 * times) * on).astype(np.float32)


def film(path: Path, sound: np.ndarray, first_picture: float = 0.0) -> Video:
    """A film with ``sound``, whose pictures start at ``first_picture``."""
    seconds = len(sound) / RATE
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=5)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        video.codec_context.time_base = Fraction(1, 5)
        audio = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        packets = []
        for number in range(round(first_picture * 5), int(seconds * 5)):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            packets += video.encode(frame)
        packets += video.encode(None)
        samples = (sound * 32767).astype(np.int16)
        for start in range(0, len(samples), 1600):
            frame = av.AudioFrame.from_ndarray(
                samples[None, start : start + 1600], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return Video.open(path)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Video:
    sound = tones([(0.5, 4.0), (5.0, 9.0)], 10)
    return film(tmp_path_factory.mktemp("speech") / "speech.mkv", sound)


def hosted(listener: Listener, waits: list[float] | None = None, **more: Any) -> Hosted:
    return Hosted(
        "openai/whisper-1",
        api_base=listener.url,
        sleep=(lambda _: None) if waits is None else waits.append,
        **more,
    )


def test_what_the_endpoint_hears_and_says(speech: Video) -> None:
    seen: list[tuple[str, float, float]] = []
    reply = said((0.5, 4.0, " Hello there."), (5.0, 12.0, " Goodbye. "), (9.5, 9.6, "  "))
    with listening([reply]) as listener:
        found = transcribe(speech, hosted(listener), lambda *told: seen.append(told))
        assert len(listener.forms) == 1
        form = listener.forms[0]
        assert form["path"] == b"/v1/audio/transcriptions"
        assert (form["model"], form["response_format"]) == (b"whisper-1", b"verbose_json")
        heard = listener.sound(0)
    assert found.source == "speech (openai/whisper-1)"
    assert found.language == "english"
    assert found.cues == (Cue(0.5, 4.0, "Hello there."), Cue(5.0, 10.0, "Goodbye."))
    assert heard == pytest.approx(tones([(0.5, 4.0), (5.0, 9.0)], 10), abs=1e-3)
    assert seen == [("transcribing", pytest.approx(10.0), pytest.approx(10.0))]


def test_pieces_are_cut_where_it_is_quiet_and_their_times_moved_back(speech: Video) -> None:
    with listening([said((0.5, 4.0, "one")), said((0.1, 3.0, "two"))]) as listener:
        recogniser = hosted(listener)
        recogniser.longest = 5.5
        found = transcribe(speech, recogniser)
        assert len(listener.forms) == 2
        first = len(listener.sound(0)) / RATE
    assert 4.0 < first < 5.0
    assert found.cues[0] == Cue(0.5, 4.0, "one")
    assert found.cues[1].start == pytest.approx(first + 0.1, abs=0.01)
    assert found.cues[1].end == pytest.approx(first + 3.0, abs=0.01)


def test_times_count_from_the_first_picture(tmp_path: Path) -> None:
    late = film(tmp_path / "late.mkv", tones([(3, 4)], 6), first_picture=2.0)
    with listening([said((1.0, 2.0, "here"))]) as listener:
        found = transcribe(late, hosted(listener))
        heard = np.flatnonzero(np.abs(listener.sound(0)) > 0.2) / RATE
    assert heard[0] == pytest.approx(1.0, abs=0.01)
    assert found.cues == (Cue(1.0, 2.0, "here"),)


def test_silence_is_not_sent(tmp_path: Path) -> None:
    silent = film(tmp_path / "silent.mkv", np.zeros(4 * RATE, np.float32))
    with listening([said((0, 1, "Thank you for watching."))]) as listener:
        assert transcribe(silent, hosted(listener)).cues == ()
        assert listener.forms == []


def test_what_the_model_doubts_is_left_out(speech: Video) -> None:
    doubted = said((0.5, 2.0, "Subscribe!"), no_speech_prob=0.9, avg_logprob=-1.5)
    sure = said((3.0, 4.0, "Hello."), no_speech_prob=0.9, avg_logprob=-0.2)
    reply = doubted | {"segments": doubted["segments"] + sure["segments"]}
    with listening([reply]) as listener:
        assert transcribe(speech, hosted(listener)).cues == (Cue(3.0, 4.0, "Hello."),)


def test_what_may_pass_is_tried_again(speech: Video) -> None:
    waits: list[float] = []
    replies = [refusal(429, **{"retry-after": "7"}), refusal(500), said((0.5, 4.0, "Hello."))]
    with listening(replies) as listener:
        found = transcribe(speech, hosted(listener, waits))
        assert len(listener.forms) == 3
        assert all(form["file"] == listener.forms[0]["file"] for form in listener.forms)
    assert [cue.text for cue in found.cues] == ["Hello."]
    assert waits[0] == 7
    assert 1 <= waits[1] <= 3


def test_it_gives_up_in_the_end(speech: Video) -> None:
    waits: list[float] = []
    with (
        listening([refusal(503, "overloaded", **{"retry-after": "1000"})]) as listener,
        pytest.raises(ModelUnavailable, match=r"^openai/whisper-1 at http\S+ gave no transcript: "),
    ):
        transcribe(speech, hosted(listener, waits))
    assert len(listener.forms) == 4
    assert waits == [LONGEST_WAIT] * 3


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (refusal(401, "bad key"), MissingKey, "refused the key: .*bad key"),
        (refusal(404, "no such model"), UnknownModel, "has no recogniser 'openai/whisper-1'"),
        (refusal(413, "too large"), ModelUnavailable, "too large"),
        ({"text": "Hello."}, UsageError, "gives text without times"),
        (said((0, 1, "x")) | {"segments": [{"start": "soon"}]}, ModelUnavailable, "no transcript"),
    ],
)
def test_what_cannot_pass_is_one_clear_line(speech: Video, reply, error, message: str) -> None:
    with listening([reply]) as listener, pytest.raises(error, match=message) as raised:
        transcribe(speech, hosted(listener))
    assert "\n" not in str(raised.value)
    assert len(listener.forms) == 1


def test_an_endpoint_that_is_not_there(speech: Video) -> None:
    gone = Hosted("openai/whisper-1", api_base="http://127.0.0.1:9/v1", sleep=lambda _: None)
    with pytest.raises(ModelUnavailable, match="gave no transcript"):
        transcribe(speech, gone)


def test_names_without_a_key_or_a_provider() -> None:
    with pytest.raises(MissingKey, match="openai/whisper-1 needs OPENAI_API_KEY"):
        load_recogniser("openai/whisper-1")
    with pytest.raises(UnknownModel, match="no provider knows a recogniser 'my-recogniser'"):
        load_recogniser("my-recogniser")
    with pytest.raises(MissingKey, match="groq/whisper-large-v3 needs GROQ_API_KEY"):
        load_recogniser("groq/whisper-large-v3")


def test_a_film_without_sound_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(UsageError, match=r"mute.mp4 has no sound"):
        transcribe(Video.open(path), "my-recogniser")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(1, 40_000), st.sampled_from([0, 0, 0, 3, 1600, 80_000])), max_size=12
    ),
    st.sampled_from([0.5, 1.0, 2.5]),
)
def test_pieces_hold_all_sound_at_its_time(parts: list[tuple[int, int]], longest: float) -> None:
    """Each sample is its own number, so that it can be told where it came to be."""
    chunks, at, number = [], 0, 1
    truth: dict[int, int] = {}
    for length, hole in parts:
        at += hole
        chunks.append((at / RATE, np.arange(number, number + length, dtype=np.float32)))
        truth |= {number: at, number + length - 1: at + length - 1}
        number += length
        at += length
    pieces = list(quiet_pieces(iter(chunks), longest))
    assert all(0 < len(samples) <= longest * RATE for _, samples in pieces)
    together = np.concatenate([samples for _, samples in pieces] or [np.zeros(0)])
    assert together[together > 0].tolist() == list(range(1, number))
    for start, samples in pieces:
        for mark in set(truth) & set(samples.astype(int).tolist()):
            where = start + int(np.flatnonzero(samples == mark)[0]) / RATE
            assert where == pytest.approx(truth[mark] / RATE, abs=2 / RATE)


def test_flac_gives_back_the_sound() -> None:
    sound = tones([(0.2, 0.7)], 1.37)
    with av.open(io.BytesIO(flac(sound))) as container:
        parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    assert np.concatenate(parts) / 32767 == pytest.approx(sound, abs=1e-4)
    loud = np.random.default_rng(0).uniform(-1, 1, 60 * RATE).astype(np.float32)
    assert len(flac(loud)) * Hosted.longest / 60 < 20e6


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper of the real class, with every kind of token, that has learned nothing."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        GenerationConfig,
        PreTrainedTokenizerFast,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    folder = tmp_path_factory.mktemp("weights") / "whisper-untrained"
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    special = (
        "endoftext startoftranscript en nl translate transcribe startofprev notimestamps"
    ).split()
    marks = [f"<|{name}|>" for name in special]
    tokens.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    tokens.add_tokens([AddedToken(f"<|{n * 0.02:.2f}|>") for n in range(1501)])
    number = {name: tokens.token_to_id(f"<|{name}|>") for name in special}
    end = number["endoftext"]
    ends = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=tokens.get_vocab_size(),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_target_positions=16,
            decoder_start_token_id=number["startoftranscript"],
            begin_suppress_tokens=None,
            **ends,
        )
    )
    with torch.no_grad():
        # Sure of itself, so that it is not asked again at every temperature.
        model.get_output_embeddings().weight *= 50
    model.generation_config = GenerationConfig(
        is_multilingual=True,
        lang_to_id={"<|en|>": number["en"], "<|nl|>": number["nl"]},
        task_to_id={name: number[name] for name in ("transcribe", "translate")},
        no_timestamps_token_id=number["notimestamps"],
        prev_sot_token_id=number["startofprev"],
        max_initial_timestamp_index=50,
        decoder_start_token_id=number["startoftranscript"],
        max_length=12,
        **ends,
    )
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, eos_token="<|endoftext|>", unk_token="<|endoftext|>"
    ).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def test_a_whisper_on_this_machine_listens(untrained: Path, speech: Video) -> None:
    found = transcribe(speech, str(untrained))
    assert found.source == "speech (whisper-untrained)"
    assert found.language in ("en", "nl")
    assert found.cues, "an untrained Whisper says something, and it makes no sense"
    assert all(0 <= cue.start < cue.end <= 10.0 for cue in found.cues)
    assert not any("<|" in cue.text for cue in found.cues)
    assert found == transcribe(speech, str(untrained))


def test_a_whisper_listens_to_more_than_30_seconds(untrained: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 40 * RATE).astype(np.float32)
    _, cues = load_recogniser(str(untrained)).recognise(noise)
    assert max(cue.start for cue in cues) > 30


def test_a_folder_that_is_no_whisper(untrained: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"^no Whisper can be loaded from [^\n]*$"):
        load_recogniser(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsMissing, match="holds a bert model, not a Whisper"):
        load_recogniser(str(tmp_path))
    for file in untrained.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsMissing, match="no Whisper can be loaded"):
        load_recogniser(str(tmp_path))


def test_weights_that_lack_a_tensor_are_refused(untrained: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    for file in untrained.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.encoder.conv1.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsMissing, match=r"lacks 1 tensors \(model.encoder.conv1.weight"):
        load_recogniser(str(tmp_path))


def test_a_whisper_that_was_never_downloaded() -> None:
    for name in ("whisper-small", "openai/whisper-small"):
        with pytest.raises(WeightsMissing, match="hf download openai/whisper-small"):
            load_recogniser(name)
