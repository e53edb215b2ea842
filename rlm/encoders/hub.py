"""Where weights are on this machine, and how they get there.

They are looked for in ``$VIDEORLM_WEIGHTS/<name of the hub repository>`` and then, at the pinned
revision, in the hub cache (``$HF_HUB_CACHE``, ``$HF_HOME/hub``, ``~/.cache/huggingface/hub``).
Only ``pull`` goes to the network.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path

from rlm.encoders import folder as folders
from rlm.encoders.presets import ALL, COMPANIONS, PRESETS, EncoderSpec, Preset
from rlm.errors import WeightsMissing

_BUILTIN_FOLDER = Path(__file__).parent / "weights" / "builtin"
# Weights as safetensors, configurations, tokenizers: no pickles, no pictures, no other formats.
_WANTED = (
    "config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
)


def available_presets() -> dict[str, Path]:
    """The presets and companions whose weights are on this machine, with their folders.

    From the least to the most arithmetic a second of video. Looks at files only: no import of
    torch, no network.
    """
    found = {name: _locate(preset) for name, preset in ALL.items()}
    return {name: place for name, place in found.items() if place is not None}


def find_weights(preset: str | Path) -> EncoderSpec:
    """Find the weights of a preset or companion by name, or in a folder with a saved model.

    A folder holds what ``save_pretrained`` writes for a ``VJEPA2Model``, a ``SiglipModel``, a
    ``Siglip2Model`` or a ``VideoPrismClipModel``.

    Raises ``WeightsMissing`` when they are not on this machine (the message says how to get them)
    or are of another kind or resolution than the preset wants.
    """
    if isinstance(preset, str) and preset in ALL:
        known = ALL[preset]
        place = _locate(known)
        if place is None:
            raise WeightsMissing(_how_to_get(known))
    else:
        place = Path(preset).expanduser().resolve()
        if not place.is_dir():
            names = ", ".join([*PRESETS, *COMPANIONS])
            raise WeightsMissing(
                f"{str(preset)!r} is neither a preset ({names}) nor a folder with a V-JEPA 2, "
                "SigLIP 2 or VideoPrism model"
            )
        known = folders.preset_of(place)
    folders.check(place, known)
    return EncoderSpec(known, place, _revision(known, place))


def weights_revision(spec: EncoderSpec) -> str:
    """The revision of what now stands in the folder of ``spec``.

    Raises ``WeightsMissing`` when it is no longer there.
    """
    if not folders.is_whole(spec.folder):
        raise WeightsMissing(
            f"the weights of preset {spec.preset.name} are no longer in {spec.folder}"
        )
    return _revision(spec.preset, spec.folder)


def pull(preset: Preset) -> Path:
    """Download the weights of ``preset`` at its pinned revision into the hub cache.

    Progress is shown on stderr where that is a terminal. A connection that breaks is taken up
    again where it broke; when it stays away, the whole files that came are kept for the next time.
    Until all are there, ``find_weights`` does not see them.

    Raises ``WeightsMissing`` for a preset that is on no hub, and when the hub cannot be reached,
    refuses, or has something else under that name.
    """
    if preset.hub_id is None:
        raise WeightsMissing(f"preset {preset.name} is on no hub: it comes with videorlm")
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    try:
        with nullcontext() if sys.stderr.isatty() else disable_progress_bars():
            place = Path(
                snapshot_download(
                    preset.hub_id,
                    revision=preset.revision,
                    cache_dir=hub_cache(),
                    allow_patterns=list(_WANTED),
                )
            )
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsMissing(
            f"preset {preset.name} ({preset.hub_id}) could not be pulled, what has come is kept: "
            f"{reason}"
        ) from error
    folders.check(place, preset)
    return place


def hub_cache() -> Path:
    """Where huggingface_hub keeps its files, by the rules it documents, without importing it."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def _locate(preset: Preset) -> Path | None:
    if preset.hub_id is None:
        return _BUILTIN_FOLDER if folders.is_whole(_BUILTIN_FOLDER) else None
    own = os.environ.get("VIDEORLM_WEIGHTS")
    if own:
        place = Path(own).expanduser() / preset.hub_id.partition("/")[2]
        if folders.is_whole(place):
            return place
    repository = hub_cache() / f"models--{preset.hub_id.replace('/', '--')}"
    place = repository / "snapshots" / str(preset.revision)
    return place if folders.is_whole(place) else None


def _how_to_get(preset: Preset) -> str:
    if preset.hub_id is None:
        return f"the {preset.name} weights are missing from {_BUILTIN_FOLDER}: reinstall videorlm"
    name = preset.hub_id.partition("/")[2]
    return (
        f"the weights of preset {preset.name} ({preset.hub_id}) are not on this machine: run "
        f"`videorlm models pull {preset.name}`, or put them in $VIDEORLM_WEIGHTS/{name}"
    )


def _revision(preset: Preset, place: Path) -> str:
    if preset.hub_id is not None and place.parent.name == "snapshots":
        return place.name[:12]
    return folders.digest(place)
