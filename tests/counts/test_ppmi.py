"""PPMI against its definition on dense arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import coo_array, csr_array, csr_matrix, random_array

from wordkit.counts import ppmi
from wordkit.errors import ConfigError

Dense = npt.NDArray[np.float64]


def twin(counts: Dense, shift: float, smoothing: float) -> Dense:
    """PMI − log k by the definition; −∞ for pairs that were not seen."""
    joint = counts / counts.sum()
    words = joint.sum(axis=1, keepdims=True)
    contexts = counts.sum(axis=0) ** smoothing
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = joint / (words * (contexts / contexts.sum()))
        return np.where(counts > 0, np.log(ratio) - np.log(shift), -np.inf)


dense_counts = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.just(0.0) | st.integers(1, 50).map(float) | st.floats(0.125, 1e6, width=32),
).filter(lambda counts: counts.sum() > 0)
shifts = st.sampled_from([0.5, 1.0, 2.0, 5.0])
smoothings = st.sampled_from([1.0, 0.75, 0.5])


@given(dense_counts, shifts, smoothings, st.integers(1, 3))
def test_ppmi_is_its_definition(
    counts: Dense, shift: float, smoothing: float, threads: int
) -> None:
    expected = twin(counts.astype(np.float64), shift, smoothing)
    kept = ppmi(csr_array(counts), shift=shift, smoothing=smoothing, threads=threads)
    assert kept.dtype == np.float32 and kept.has_sorted_indices
    assert (kept.data > 0).all()
    np.testing.assert_allclose(kept.toarray(), np.maximum(expected, 0), rtol=1e-5, atol=1e-6)

    seen = ppmi(csr_array(counts), shift=shift, smoothing=smoothing, positive=False)
    assert seen.nnz == np.count_nonzero(counts)
    expected[counts == 0] = 0
    np.testing.assert_allclose(seen.toarray(), expected, rtol=1e-5, atol=1e-6)


def big_counts() -> Any:
    return random_array(
        (3000, 3000),
        density=0.1,
        format="csr",
        dtype=np.float32,
        rng=np.random.default_rng(1),
        data_sampler=lambda size: np.random.default_rng(2).integers(1, 9, size) / 4,
    )


def test_threads_and_memory_change_no_bit(tmp_path: Path) -> None:
    counts = big_counts()
    both = ppmi(counts + counts.T)
    assert both.nnz > 500_000 and abs(both - both.T).nnz == 0, "symmetric, if the counts are"
    expected = ppmi(counts, threads=1)
    mapped = counts.copy()
    for part in ("data", "indices"):
        np.save(tmp_path / f"{part}.npy", getattr(counts, part))
        setattr(mapped, part, np.load(tmp_path / f"{part}.npy", mmap_mode="r"))
    for threads, memory in [(2, None), (3, 100_000)]:
        found = ppmi(mapped, threads=threads, memory=memory)
        for part in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    assert isinstance(found.data.base, np.memmap)


def test_other_sparse_kinds_and_doubled_entries() -> None:
    twice = coo_array(([1.0, 2.0, 4.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    once = csr_matrix(np.array([[0.0, 3.0], [4.0, 0.0]], dtype=np.float64))
    np.testing.assert_array_equal(ppmi(twice).toarray(), ppmi(once).toarray())
    assert twice.nnz == 3  # left as it was


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift": 0.0}, "shift must be above 0, not 0.0"),
        ({"smoothing": 1.5}, "smoothing must be above 0 and at most 1, not 1.5"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"memory": 0}, "memory must be at least 1, not 0"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ppmi(csr_array(np.eye(2)), **settings)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.5, "counts must be at least 0, but the matrix holds -1.5"),
        (float("-inf"), "counts must be at least 0, but the matrix holds -inf"),
        (float("nan"), "counts must be numbers, but the matrix holds NaN"),
        (float("inf"), "counts must be finite, but the matrix holds an infinite one"),
    ],
)
def test_bad_counts(value: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ppmi(csr_array(np.array([[1.0, value]])))
    with pytest.raises(ConfigError, match="SciPy sparse one, not ndarray"):
        ppmi(np.eye(3))
    assert ppmi(csr_array((0, 0), dtype=np.float32)).nnz == 0
