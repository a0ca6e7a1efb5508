"""The truncated SVD against LAPACK on small matrices and scikit-learn on larger ones."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import block_diag, csr_array, diags_array, random_array
from sklearn.utils.extmath import randomized_svd

from wordkit.counts import iter_truncated_svd
from wordkit.counts.csr import CsrParts
from wordkit.counts.krylov import one_blas_thread
from wordkit.counts.panels import (
    WIDTH,
    Operator,
    combine,
    empty_panels,
    inner,
)
from wordkit.counts.svd import is_symmetric, transpose
from wordkit.errors import ConfigError, ResourceError, WordkitWarning
from wordkit.runtime import ThreadPool


@pytest.fixture(autouse=True)
def _calm_lapack() -> Iterator[None]:
    """The references on one thread: several would wait for each other where cores are shared."""
    with one_blas_thread():
        yield


def words_like(rows: int, columns: int, density: float = 0.02, seed: int = 0) -> Any:
    """A sparse matrix with a spectrum that falls slowly, as those of PPMI matrices do."""
    rng = np.random.default_rng(seed)
    matrix = random_array((rows, columns), density=density, rng=rng, format="csr")
    scale = diags_array(rng.pareto(2.0, rows) + 0.1)
    return csr_array((scale @ matrix).astype(np.float32))


def assert_triplets(matrix: Any, k: int, triplets: Any, rtol: float) -> None:
    """They are what the singular value decomposition says they are."""
    U, s, Vt = triplets
    assert (U.shape, s.shape, Vt.shape) == ((matrix.shape[0], k), (k,), (k, matrix.shape[1]))
    assert U.dtype == s.dtype == Vt.dtype == np.float32
    exact = np.linalg.svd(matrix.toarray().astype(np.float64), compute_uv=False)[:k]
    np.testing.assert_allclose(s, exact, rtol=rtol)
    np.testing.assert_allclose(U.T @ U, np.eye(k), atol=1e-5)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(k), atol=1e-5)
    np.testing.assert_allclose(matrix @ Vt.T, U * s, atol=1e-5 * s[0])
    assert (U[np.abs(U).argmax(axis=0), np.arange(k)] > 0).all()


def symmetric(size: int, density: float = 0.02) -> Any:
    matrix = words_like(size, size, density)
    return csr_array(matrix + matrix.T)


@pytest.mark.parametrize(
    ("make", "k", "options", "rtol"),
    [
        *[(s, 60, {}, 5e-3) for s in [(1300, 1300), (1100, 1500)]],
        *[(s, 20, {"method": "arpack"}, 1e-5) for s in [(1100, 1500), (1500, 1100)]],
        # small, narrow, or with a basis hardly larger than k: left to LAPACK
        *[((300, 400, 0.1), k, {}, 1e-5) for k in (1, 33, 299)],
        *[((*s, 0.3), 8, {}, 5e-3) for s in [(5000, 10), (10, 5000), (3000, 70)]],
        *[((*s, 0.3), k, {}, 1e-5) for s, k in [((5000, 100), 70), ((100, 5000), 60)]],
        # the basis fills the whole space, or cannot hold all
        *[((1100, 1100, 0.05), k, {}, 5e-3) for k in (1, 17, 600)],
        (lambda: symmetric(1200), 30, {}, 5e-3),
        (lambda: block_diag([words_like(600, 600), csr_array((600, 600))]), 20, {}, 5e-3),
        (lambda: diags_array(np.ones(1500, dtype=np.float32)), 30, {}, 1e-5),  # all equal
    ],
)
def test_triplets_are_those_of_lapack(make: Any, k: int, options: Any, rtol: float) -> None:
    matrix = words_like(*make) if isinstance(make, tuple) else csr_array(make())
    triplets = iter_truncated_svd(matrix, k, **options).result()
    assert_triplets(matrix, k, triplets, rtol)
    assert not np.abs(triplets.U[matrix.sum(axis=1) == 0]).max(initial=0) > 1e-6
    assert not np.abs(triplets.Vt[:, matrix.sum(axis=0) == 0]).max(initial=0) > 1e-6


def test_nearer_to_the_truth_than_scikit_learn() -> None:
    matrix = words_like(3000, 3000)
    _, exact, _ = iter_truncated_svd(matrix, 50, method="arpack").result()
    _, ours, _ = iter_truncated_svd(matrix, 50).result()
    _, theirs, _ = randomized_svd(matrix, 50, random_state=0)
    errors = [np.abs(s / exact - 1).max() for s in (ours, theirs)]
    assert errors[0] < 0.01
    assert errors[0] < errors[1]


def test_a_smaller_tolerance_is_nearer_and_takes_longer() -> None:
    # random entries: the values lie close together, which is hard
    rng = np.random.default_rng(0)
    matrix = random_array((1200, 1200), density=0.02, rng=rng, dtype=np.float32, format="csr")
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)[:40]
    errors, blocks = [], []
    for tolerance in (0.1, 0.01, 1e-4):
        run = iter_truncated_svd(matrix, 40, tolerance=tolerance)
        blocks.append(list(run)[-1].done)
        errors.append(np.abs(run.result()[1] / exact - 1).max())
    assert errors[0] > errors[1] > errors[2]
    assert blocks[0] < blocks[1] < blocks[2]
    assert errors[1] < 0.03 and errors[2] < 1e-3


@pytest.mark.parametrize("method", ["randomized", "arpack"])
def test_same_seed_same_bits_for_any_number_of_threads(method: Any) -> None:
    matrix = words_like(2000, 2000)
    first = iter_truncated_svd(matrix, 20, method=method, seed=4, threads=1).result()
    for threads in (1, 3):
        again = iter_truncated_svd(matrix, 20, method=method, seed=4, threads=threads).result()
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
    if method == "randomized":  # ARPACK converges to the same bits from anywhere
        other = iter_truncated_svd(matrix, 20, seed=5).result()
        assert not np.array_equal(first[0], other[0])


def low_rank(size: int, rank: int) -> Any:
    rng = np.random.default_rng(2)
    left = random_array((size, rank), density=0.05, rng=rng, format="csr")
    right = random_array((rank, size), density=0.05, rng=rng, format="csr")
    return csr_array((left @ right).astype(np.float32))


@pytest.mark.parametrize("method", ["randomized", "arpack"])
@pytest.mark.parametrize("size", [500, 1200])
@pytest.mark.parametrize("rank", [0, 20])
def test_a_rank_below_k_gives_zeros(size: int, rank: int, method: Any) -> None:
    matrix = low_rank(size, rank)
    U, s, Vt = iter_truncated_svd(matrix, 40, method=method).result()
    exact = np.linalg.svd(matrix.toarray().astype(np.float64), compute_uv=False)[:rank]
    np.testing.assert_allclose(s[:rank], exact, rtol=1e-4)
    assert (s[rank:] == 0).all() and not U[:, rank:].any() and not Vt[rank:].any()
    np.testing.assert_allclose(U[:, :rank].T @ U[:, :rank], np.eye(rank), atol=1e-5)
    np.testing.assert_allclose((U * s) @ Vt, matrix.toarray(), atol=1e-5 * s[0])


@pytest.mark.parametrize("scale", [1e-20, 1e9, 1e20])
def test_the_scale_does_not_matter(scale: float) -> None:
    matrix = words_like(1100, 1100)
    U, s, _ = iter_truncated_svd(matrix, 10).result()
    U2, s2, _ = iter_truncated_svd(csr_array(matrix * np.float32(scale)), 10).result()
    np.testing.assert_allclose(s2, s * scale, rtol=1e-3)
    np.testing.assert_allclose(U2[:, 0], U[:, 0], atol=1e-3)


@pytest.mark.parametrize(
    ("k", "options", "message"),
    [
        (0, {}, "dim must be at least 1 and less than the vocabulary of 30 words, not 0; lower"),
        (30, {}, "not 30; lower dim, lower the minimum count or give more text"),
        (5, {"method": "magic"}, "method must be one of randomized, arpack, not 'magic'"),
        (5, {"tolerance": 0.0}, "tolerance must be above 0, not 0.0"),
        (5, {"seed": -1}, "seed must be at least 0, not -1"),
        (5, {"threads": 0}, "threads must be at least 1, not 0"),
    ],
)
def test_bad_settings(k: int, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        iter_truncated_svd(words_like(30, 40, density=0.5), k, **options)


def test_bad_matrices() -> None:
    with pytest.raises(ConfigError, match="sparse one, not ndarray"):
        iter_truncated_svd(np.eye(5), 2)
    with pytest.raises(ConfigError, match="must be finite"):
        iter_truncated_svd(csr_array(np.array([[1.0, np.nan], [0.0, 1.0]])), 1)


def test_corrupted_indices_are_not_followed() -> None:
    for part, place, value in [("indices", 0, 7), ("indices", 1, -1), ("indptr", 1, 9)]:
        matrix = csr_array(np.eye(5))
        getattr(matrix, part)[place] = value
        with pytest.raises(ConfigError, match="the matrix is corrupted"):
            iter_truncated_svd(matrix, 2)
    longer = csr_array(np.eye(5))
    longer.indptr[-1] = 4
    with pytest.raises(ConfigError, match="the matrix is corrupted"):
        iter_truncated_svd(longer, 2)


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: 1 << 20)
    with pytest.raises(ResourceError, match="need about .* GiB of memory, and 0.0 GiB are free"):
        iter_truncated_svd(words_like(2000, 2000), 100).result()


# --- the operations on panels ----------------------------------------------------------------


def as_columns(panels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.concatenate(list(panels), axis=1).astype(np.float64)


@given(st.integers(1, 700), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=30)
def test_panels_are_matrices(rows: int, count: int, threads: int) -> None:
    rng = np.random.default_rng(rows)
    panels = empty_panels(count, rows)
    panels[:] = rng.standard_normal(panels.shape)
    other = empty_panels(1, rows)[0]
    other[:] = rng.standard_normal(other.shape)
    coefficients = rng.standard_normal((count * WIDTH, WIDTH))
    assert panels.ctypes.data % 64 == 0
    expected = other + as_columns(panels) @ coefficients
    with ThreadPool(threads) as pool:
        products = inner(panels, other, pool)
        combine(panels, coefficients, other, pool)
    np.testing.assert_allclose(other, expected, atol=1e-4)
    np.testing.assert_allclose(
        products, as_columns(panels).T @ (expected - as_columns(panels) @ coefficients), atol=1e-3
    )


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([0.0, 0.1, 0.6]), st.integers(1, 3))
def test_products_and_transposition(rows: int, columns: int, density: float, threads: int) -> None:
    matrix = words_like(rows, columns, density, seed=rows)
    rng = np.random.default_rng(rows)
    panel = empty_panels(1, columns)[0]
    panel[:] = rng.standard_normal(panel.shape)
    result = empty_panels(1, rows)[0]
    with ThreadPool(threads) as pool:
        operator = Operator(CsrParts.of(matrix), pool)
        operator.times_panel(panel, result)
        vector = operator.times_vector(panel[:, 3])
        flipped = transpose(operator.parts, 1 << 30, pool)
    np.testing.assert_allclose(result, matrix @ panel, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(vector, matrix.astype(np.float64) @ panel[:, 3], rtol=1e-9)
    expected = csr_array(matrix.T)
    expected.sort_indices()
    assert flipped.shape == expected.shape
    np.testing.assert_array_equal(flipped.indptr, expected.indptr)
    np.testing.assert_array_equal(flipped.indices, expected.indices)
    np.testing.assert_array_equal(flipped.data, expected.data)


# --- transposition ---------------------------------------------------------------------------


@given(st.integers(1, 40), st.sampled_from([0.05, 0.3]), st.integers(1, 3), st.integers(0, 9))
def test_symmetry_is_seen(size: int, density: float, threads: int, change: int) -> None:
    matrix = words_like(size, size, density, seed=size)
    matrix = csr_array(matrix + matrix.T)
    if change and matrix.nnz:  # one value, by a single bit
        matrix.data[change % matrix.nnz] = np.nextafter(matrix.data[change % matrix.nnz], 9)
    elif change:
        matrix = csr_array(([1.0], ([0], [size - 1])), shape=(size, size))
    expected = not (abs(matrix - matrix.T) > 0).nnz
    one_sided = csr_array(np.triu(np.ones((9, 9), dtype=np.float32)))
    with ThreadPool(threads) as pool:
        assert is_symmetric(CsrParts.of(matrix), pool) == expected
        assert not is_symmetric(CsrParts.of(one_sided), pool), "it needs the same places"
        assert not is_symmetric(CsrParts.of(one_sided[:5]), pool)


@pytest.mark.parametrize("is_symmetric_matrix", [True, False])
def test_memory_changes_no_bit_and_copies_no_matrix(is_symmetric_matrix: bool) -> None:
    matrix = symmetric(2500, 0.1) if is_symmetric_matrix else words_like(2500, 2500, 0.1)
    first = iter_truncated_svd(matrix, 8, threads=2).result()
    tracemalloc.start()  # NumPy tells it of its arrays, but not of mapped files
    run = iter_truncated_svd(matrix, 8, threads=2, memory=200_000)
    next(run), next(run)  # the transpose, if any, and the first block
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    vectors = 4 * 2500 * (16 * 20 + 32 + 16 * 2)  # the basis, the blocks beside it
    assert peak < vectors + 3_000_000 and matrix.nnz * 4 > 2_000_000
    for a, b in zip(first, run.result(), strict=True):
        np.testing.assert_array_equal(a, b)


# --- spaces too small ------------------------------------------------------------------------


def test_values_that_do_not_settle_are_told() -> None:
    rng = np.random.default_rng(0)
    matrix = random_array((4000, 4000), density=0.01, rng=rng, dtype=np.float32, format="csr")
    with pytest.warns(WordkitWarning, match=r"of 4 singular values have not settled .*arpack"):
        iter_truncated_svd(matrix, 4, tolerance=1e-7).result()


@pytest.mark.filterwarnings("error::wordkit.errors.WordkitWarning")
def test_a_low_rank_is_no_reason_to_warn() -> None:
    iter_truncated_svd(low_rank(1200, 20), 40).result()
    iter_truncated_svd(low_rank(1200, 20), 40, tolerance=1e-6).result()
