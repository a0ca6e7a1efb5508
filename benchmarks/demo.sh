#!/bin/sh
# What wordkit does, on text that every Python installation has: make demo.
set -eu

out=demo
mkdir -p "$out"
began=$(date +%s)

say() { printf '\n%s\n' "$1"; }
run() { printf '\n$ %s\n' "$*"; "$@"; }

say "1. Before anything is learnt, small models that come with wordkit answer. They are of English
   Wikipedia."
run wordkit similar car -n 5
run wordkit analogy king man woman -n 3

say "2. Text becomes word ids, once, to learn from many times. The text is the documentation of
   Python, NumPy, SciPy, scikit-learn, PyTorch, NLTK and Click, which is here already."
run wordkit prepare pydocs -o "$out/pydocs.ids"

export WORDKIT_VECTORS="$out/vectors.safetensors"
export WORDKIT_COUNTS="$out/counts.safetensors"
export WORDKIT_LM="$out/lm.safetensors"

say "3. Word vectors by prediction, word2vec: from each word, guess the words around it."
run wordkit train-w2v "$out/pydocs.ids" --arch skipgram -o "$WORDKIT_VECTORS"

say "   The words that are used most like these:"
run wordkit similar array string file -n 5

say "   Rows is to row as what is to column? Maximum is to larger as what is to smaller?"
run wordkit analogy rows row column -n 3
run wordkit analogy maximum larger smaller -n 3

say "4. The same by counting: which words stand near each other, how much more often than by chance
   (PPMI), in a few dimensions (SVD)."
run wordkit train-counts "$out/pydocs.ids" -o "$WORDKIT_COUNTS"

say "   The ways to what a word means, side by side; the thesaurus is WordNet, if it is installed:"
run wordkit compare function -n 5

say "5. A language model, an LSTM, for half a minute: from all words before it, guess the next one."
run wordkit train-lm pydocs --max-minutes 0.5 -o "$WORDKIT_LM"

say "   What it expects to follow:"
run wordkit predict "returns the number of" -n 5

say "   And a text that it generates:"
run wordkit generate --prompt "return the" -n 60 --temperature 0.8 --seed 1

say "That took $(($(date +%s) - began)) seconds. Ask more yourself:

   .venv/bin/wordkit similar WORD --model $WORDKIT_VECTORS
   .venv/bin/wordkit generate --model $WORDKIT_LM --prompt 'TEXT'
   .venv/bin/wordkit --help"
