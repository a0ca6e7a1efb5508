"""Tokens become text that reads well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.text.detokenizer import Detokenizer, detokenize

CASES = {
    'he said , " no . "': 'he said, "no."',
    '" yes , " she said , " it is . "': '"yes," she said, "it is."',
    "do n't ca n't it 's they 're i 'll we 'd i 'm you 've": (
        "don't can't it's they're i'll we'd i'm you've"
    ),
    "Do N'T": "DoN'T",
    "it ’s n’t": "it’sn’t",
    "a list ( of words ) [ or { of sets } ] .": "a list (of words) [or {of sets}].",
    "$ 5 and £ 6 , 7 % of € N": "$5 and £6, 7% of €N",
    "the $ and # N , $ <eos> 5": "the $ and #N, $\n5",
    "what ? no ! yes : this ; that": "what? no! yes: this; that",
    "so . . . it ended": "so... it ended",
    "`` no , '' he said": '"no," he said',
    "-lrb- see -rrb- -LSB- x -RSB-": "(see) [x]",
    "one two <eos> three . <eos>": "one two\nthree.\n",
    '" open <eos> " next "': '"open\n"next"',
    "the ' best ' of all": "the 'best' of all",
    "“ curly ” and ‘ single ’ « là »": "“curly” and ‘single’ «là»",
    "a - b -- c / d & e": "a - b -- c / d & e",
    "": "",
    "<eos> <eos> a": "\n\na",
}


@pytest.mark.parametrize("tokens", CASES)
def test_spaces_are_mended(tokens: str) -> None:
    assert detokenize(tokens.split()) == CASES[tokens]


TOKENS = st.sampled_from(sorted({token for case in CASES for token in case.split()}))


@given(st.lists(TOKENS, max_size=30), st.integers(0, 30))
def test_what_was_given_out_never_changes(tokens: list[str], cut: int) -> None:
    joiner = Detokenizer()
    pieces = [joiner.add(token) for token in tokens]
    assert "".join(pieces[:cut]) == detokenize(tokens[:cut])
    assert all(pieces), "each token shows at once"
