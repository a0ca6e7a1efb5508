#!/bin/sh
# What wordkit does, on text that every Python installation has: make demo.
set -eu

out=demo
mkdir -p "$out"
export WORDKIT_VECTORS="$out/vectors.safetensors"
export WORDKIT_LM="$out/lm.safetensors"

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

say "Learning a language model from the same text, an LSTM, for 40 seconds: from all words before
it, guess the next one."
run wordkit train-lm pydocs --max-minutes 0.65 -o "$WORDKIT_LM"

say "What it expects to follow:"
run wordkit predict "returns the number of" -n 5

say "And what it writes when it goes on by itself:"
run wordkit generate --prompt "return the" -n 60 --temperature 0.8 --seed 1

say "Ask more yourself:  .venv/bin/wordkit similar WORD --model $WORDKIT_VECTORS
                    .venv/bin/wordkit generate --model $WORDKIT_LM --prompt 'TEXT'"
