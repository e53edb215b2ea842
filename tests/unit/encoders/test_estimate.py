from __future__ import annotations

from dataclasses import replace

import pytest

from rlm.encoders import COMPANIONS, PRESETS, find_weights
from rlm.encoders.estimate import Machine, estimate_seconds

MACHINE = Machine("a machine", on_cpu=True, half=0.8, full=0.2)


def test_time_is_arithmetic_over_rate() -> None:
    fast = PRESETS["fast"]
    # A window is 1.66 TFLOP and 4 s of video.
    assert estimate_seconds(fast, 4.0, MACHINE) == pytest.approx(1.655 / (0.55 * 0.8), rel=0.01)
    assert estimate_seconds(fast, 400.0, MACHINE) == pytest.approx(
        100 * estimate_seconds(fast, 4.0, MACHINE)
    )
    assert estimate_seconds(fast, 0.0, MACHINE) == 0.0


def test_without_native_bfloat16_it_takes_longer() -> None:
    fast, older = PRESETS["fast"], replace(MACHINE, half=None)
    assert MACHINE.dtype(fast) == "bfloat16" and older.dtype(fast) == "float32"
    assert older.memory(fast) > MACHINE.memory(fast)
    assert estimate_seconds(fast, 9.0, older) == pytest.approx(
        4 * estimate_seconds(fast, 9.0, MACHINE)
    )
    builtin = PRESETS["builtin"]
    assert estimate_seconds(builtin, 9.0, older) == estimate_seconds(builtin, 9.0, MACHINE)


def test_unfused_attention_is_slower_for_the_same_arithmetic() -> None:
    prism = COMPANIONS["videoprism"]
    fused = replace(prism, architecture=replace(prism.architecture, fused=True))
    assert estimate_seconds(prism, 9.0, MACHINE) > estimate_seconds(fused, 9.0, MACHINE)


def test_quality_is_told_to_be_dear() -> None:
    seconds = [estimate_seconds(preset, 60.0, MACHINE) for preset in PRESETS.values()]
    assert seconds == sorted(seconds) and seconds[-1] > 20 * seconds[1]


def test_a_spec_is_estimated_on_the_machine_it_runs_on() -> None:
    spec = find_weights("builtin")
    machine = Machine.measure(seconds=0.05)
    assert machine.device and machine.full > 0
    assert estimate_seconds(spec, 60.0, machine) == estimate_seconds(spec.preset, 60.0, machine)
    assert 0 < estimate_seconds(spec, 60.0) < 60.0  # far faster than real time anywhere
