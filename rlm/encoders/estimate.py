"""How long an encoder will take on this machine, told before a long run."""

from __future__ import annotations

from dataclasses import dataclass

from rlm.encoders.presets import EncoderSpec, Preset

# What a model reaches of the rate of a large matrix product, the rest of the time going to
# attention, norms and positions. Measured as (arithmetic / seconds) / rate, taken in turns on 2 CPU
# cores in bfloat16: ViT-L, 16 pictures, SDPA, 0.52, 0.58, 0.58; VideoPrism-LvT, whose attention
# scores go through memory, 0.32.
_FUSED, _UNFUSED = 0.55, 0.32


@dataclass(frozen=True)
class Machine:
    """Where it runs: the name of the device, and TFLOP/s of a matrix product in either type.

    ``half`` is ``None`` where bfloat16 would be emulated.
    """

    device: str
    on_cpu: bool
    half: float | None
    full: float

    @classmethod
    def measure(cls, seconds: float = 0.7) -> Machine:
        """Multiply matrices for about ``seconds`` in each number type that would be used."""
        import torch

        from rlm.encoders.machine import device_name, has_native_half, matrix_rate, pick_device

        device = pick_device()
        half = None
        if has_native_half(device):
            half = matrix_rate(device, torch.bfloat16, seconds)
        full = matrix_rate(device, torch.float32, seconds)
        return cls(device_name(device), device.type == "cpu", half, full)

    def dtype(self, preset: Preset) -> str:
        """The number type ``preset`` is computed in here."""
        return "bfloat16" if preset.half and self.half is not None else "float32"

    def memory(self, preset: Preset) -> int:
        """About how many bytes ``preset`` takes here, with a batch of windows."""
        return preset.memory(2 if self.dtype(preset) == "bfloat16" else 4)

    def rate(self, preset: Preset) -> float:
        """TFLOP/s that ``preset`` is expected to reach here."""
        half = self.half if preset.half else None
        return (half or self.full) * (_FUSED if preset.architecture.fused else _UNFUSED)


def estimate_seconds(
    spec: EncoderSpec | Preset, duration: float, machine: Machine | None = None
) -> float:
    """About how many seconds encoding ``duration`` seconds of video takes, without decoding.

    The arithmetic of the windows over a matrix rate measured here (1 to 2 s, unless ``machine``
    brings one) and an efficiency measured once. Good to about a third; what other programs do on
    the machine meanwhile is not in it.
    """
    preset = spec.preset if isinstance(spec, EncoderSpec) else spec
    machine = machine or Machine.measure()
    return preset.tflop_per_second * max(duration, 0.0) / machine.rate(preset)
