"""Rounded matrices come back close to what they were, and damage to them is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from wordkit.errors import ConfigError, FormatError
from wordkit.storage import TensorFile
from wordkit.storage.quantization import (
    PRECISIONS,
    check_precision,
    dequantize,
    is_scales_of,
    quantize,
)

values = st.floats(-6e4, 6e4, width=32)
matrices = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=values)


def kept(matrix: npt.NDArray[np.float32], precision: str) -> TensorFile:
    return TensorFile(Path("m.safetensors"), quantize("m", matrix, precision), {})


@given(matrices)
def test_8_bit_rows_are_within_half_a_step(matrix: npt.NDArray[np.float32]) -> None:
    back = dequantize(kept(matrix, "int8"), "m")
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert back.dtype == np.float32
    assert (np.abs(back - matrix) <= 0.5001 * step + 1e-36).all()


@given(matrices)
def test_half_precision_is_that_of_numpy(matrix: npt.NDArray[np.float32]) -> None:
    expected = matrix.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(dequantize(kept(matrix, "fp16"), "m"), expected)


@given(matrices, st.sampled_from(PRECISIONS))
def test_what_is_rounded_once_stays(matrix: npt.NDArray[np.float32], precision: str) -> None:
    once = dequantize(kept(matrix, precision), "m")
    np.testing.assert_allclose(dequantize(kept(once, precision), "m"), once, rtol=1e-6)


def test_what_is_not_quantized() -> None:
    bias, words, matrix = (
        np.ones(3, np.float32),
        np.ones((3, 2), np.uint8),
        np.ones((2, 2), np.float32),
    )
    assert quantize("bias", bias, "int8") == {"bias": bias}
    assert quantize("words", words, "fp16") == {"words": words}
    assert dequantize(kept(matrix, "fp32"), "m") is matrix
    with pytest.raises(ConfigError, match="vectors holds a value of 70000.*int8"):
        quantize("vectors", np.full((1, 1), 70000, np.float32), "fp16")
    with pytest.raises(ConfigError, match="fp32, fp16, int8, not 'int4'"):
        check_precision("int4")


def test_the_command_line_offers_all_precisions() -> None:
    """It cannot import them: its help would wait for NumPy."""
    from wordkit_cli.convert import command

    (option,) = (option for option in command.params if option.name == "precision")
    assert tuple(option.type.choices) == PRECISIONS


@pytest.mark.parametrize(
    "scales",
    [np.ones(2), np.array([1, 1, np.nan]), np.zeros(3), np.array([1, 1, -1.0]), np.full(3, 3e36)],
)
def test_scales_that_cannot_be(scales: npt.NDArray[np.float64]) -> None:
    tensors = {"m": np.ones((3, 4), np.int8), "m.scales": scales.astype(np.float32)}
    with pytest.raises(FormatError, match=r"scales of 'm' should be 3 numbers above 0"):
        dequantize(TensorFile(Path("m.safetensors"), tensors, {}), "m")
    del tensors["m.scales"]
    with pytest.raises(FormatError, match=r"no tensor 'm\.scales'"):
        dequantize(TensorFile(Path("m.safetensors"), tensors, {}), "m")


def test_whose_scales_they_are() -> None:
    tensors = quantize("m", np.ones((1, 1), np.float32), "int8") | {"n": np.ones(1, np.float32)}
    assert [name for name in tensors if is_scales_of(name, tensors)] == ["m.scales"]
    assert not is_scales_of("n.scales", tensors)
