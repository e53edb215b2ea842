"""High dynamic range brought down to the standard one, so that no picture looks grey and flat.

From the signal to light in cd/m2: the PQ EOTF (SMPTE ST 2084; ITU-R BT.2100-2, table 4) or the
inverse HLG OETF with the OOTF of a 1000 cd/m2 display (BT.2100-2, table 5). Colours go from
BT.2020 to BT.709 by the inverse of the matrix M2 of BT.2087-0; what lies outside is clipped. The
tone curve is the EETF of Report ITU-R BT.2390 (5.4.1) from 1000 to 203 cd/m2, the diffuse white
of Report BT.2408; it scales the three colours of a pixel alike, by the largest of them, so that
hues stay. What is darker than about 90 cd/m2 keeps its light, and what is mastered beyond 1000
cd/m2 is shown as bright as that. The signal is that of a BT.1886 display.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# AVColorTransferCharacteristic and AVColorPrimaries.
PQ, HLG = 16, 18
_BT709 = 1

_PEAK, _WHITE = 1000.0, 203.0
_STEPS = 1024
_CODE_SHIFT = np.uint16(6)
_BAND = 1 << 16

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    dtype=np.float32,
)


class ToneMapper:
    """Turns R'G'B' of one transfer function (``PQ`` or ``HLG``) into R'G'B' as of BT.709."""

    def __init__(self, transfer: int) -> None:
        self._transfer = transfer

    def __call__(self, signal: NDArray[np.uint16], primaries: int) -> NDArray[np.uint8]:
        """``signal`` is full range uint16 ``[H, W, 3]``; gives uint8 of the same shape."""
        height, width, _ = signal.shape
        mapped = np.empty(signal.shape, dtype=np.uint8)
        rows = max(1, _BAND // width)
        for top in range(0, height, rows):
            band = slice(top, top + rows)
            mapped[band] = self._map(signal[band] >> _CODE_SHIFT, primaries)
        return mapped

    def _map(self, codes: NDArray[np.uint16], primaries: int) -> NDArray[np.uint8]:
        light = self._light.take(codes)
        if self._transfer == HLG:
            light *= _PEAK * np.maximum(light @ _LUMA_2020, 1e-6)[..., None] ** np.float32(0.2)
        if primaries != _BT709:
            light = np.maximum(light @ _TO_709.T, 0)
        nits, gains = self._gains
        light *= np.interp(light.max(axis=-1), nits, gains).astype(np.float32)[..., None]
        steps = np.clip(light * (_STEPS * 4 - 1) + 0.5, 0, _STEPS * 4 - 1).astype(np.uint16)
        display: NDArray[np.uint8] = self._display.take(steps)
        return display

    @cached_property
    def _light(self) -> Floats:
        """Light by code: cd/m2 for PQ; for HLG of the scene, from 0 to 1."""
        code = np.linspace(0, 1, _STEPS)
        return (_hlg_scene(code) if self._transfer == HLG else _pq_light(code)).astype(np.float32)

    @cached_property
    def _gains(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Light in cd/m2, and what to multiply it by to have 1 for the white of the display."""
        signal = np.linspace(0, 1, _STEPS)[1:]
        nits = _pq_light(signal)
        return nits, _pq_light(_eetf(signal)) / nits / _WHITE

    @cached_property
    def _display(self) -> NDArray[np.uint8]:
        """The signal by light, from 0 to 1 in fine steps; finer ones near black are not seen."""
        light = np.linspace(0, 1, _STEPS * 4)
        return np.asarray(light ** (1 / 2.4) * 255 + 0.5, dtype=np.uint8)


def _pq_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    root = signal ** (1 / _M2)
    light: NDArray[np.float64] = np.maximum(root - _C1, 0) / (_C2 - _C3 * root)
    return 10000 * light ** (1 / _M1)


def _pq_signal(nits: float) -> float:
    power = (nits / 10000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _hlg_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def _eetf(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The PQ signal of a display of 203 cd/m2 for that of one of 1000 cd/m2."""
    peak = _pq_signal(_PEAK)
    most = _pq_signal(_WHITE) / peak
    knee = 1.5 * most - 0.5
    share = np.minimum(signal / peak, 1)
    t = (share - knee) / (1 - knee)
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return peak * np.where(share < knee, share, curve)
