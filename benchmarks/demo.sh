#!/bin/sh
# What wordkit does, on text that every Python installation has: make demo.
set -eu

out=demo
mkdir -p "$out"
export WORDKIT_VECTORS="$out/vectors.safetensors"

say() { printf '\n%s\n' "$1"; }
run() { printf '\n$ %s\n' "$*"; "$@"; }

say "Learning word vectors from the documentation of Python, NumPy, SciPy, scikit-learn,
PyTorch, NLTK and Click, by word2vec: from each word, guess the words around it."
run wordkit train-w2v pydocs --arch skipgram -o "$WORDKIT_VECTORS"

say "The words that are used most like these:"
run wordkit similar array string matrix file -n 5

say "Rows is to row as what is to column? Maximum is to larger as what is to smaller?"
run wordkit analogy rows row column -n 3
run wordkit analogy maximum larger smaller -n 3

say "The word that does not fit:"
run wordkit odd-one-out float integer boolean directory

say "Ask more yourself:  .venv/bin/wordkit similar WORD --model $WORDKIT_VECTORS"
