"""The thesaurus WordNet, read by NLTK: synonyms, hypernyms, and how near two words are in it."""

from wordkit.thesaurus.comparing import Comparison, compare
from wordkit.thesaurus.files import HOW_TO_GET_WORDNET, no_wordnet
from wordkit.thesaurus.thesaurus import (
    MEASURES,
    PARTS_OF_SPEECH,
    Nearness,
    Sense,
    Thesaurus,
    installed_wordnet,
    load_thesaurus,
)

__all__ = [
    "HOW_TO_GET_WORDNET",
    "MEASURES",
    "PARTS_OF_SPEECH",
    "Comparison",
    "Nearness",
    "Sense",
    "Thesaurus",
    "compare",
    "installed_wordnet",
    "load_thesaurus",
    "no_wordnet",
]
