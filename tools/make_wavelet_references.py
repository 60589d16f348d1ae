"""Makes tests/references/wavelets.npz: an image and its wavelet bands by PyWavelets.

    pip install PyWavelets==1.9.0
    python tools/make_wavelet_references.py

The transform is that of WGSR's code (arXiv 2402.19215): stationary, one level, periodic, "sym7" with a low-pass filter
that sums to 1 and the high-pass filter as it is, of MATLAB's Y without its offset.
"""

from pathlib import Path

import numpy as np
import pywt

TARGET = Path(__file__).parent.parent / "tests" / "references" / "wavelets.npz"


def main() -> None:
    """Writes the bands that PyWavelets makes of a random image."""
    image = np.random.default_rng(0).random((16, 20, 3), "float32")
    luma = image.astype("float64") @ np.array([65.481, 128.553, 24.966]) / 255
    sym7 = pywt.Wavelet("sym7")
    low = np.array(sym7.dec_lo) / sum(sym7.dec_lo)
    wavelet = pywt.Wavelet("normalized", [low, sym7.dec_hi, sym7.rec_lo, sym7.rec_hi])
    (approximation, details), = pywt.swt2(luma, wavelet, 1)
    np.savez(TARGET, image=image, bands=np.stack([approximation, *details], -1).astype("float32"))


if __name__ == "__main__":
    main()
