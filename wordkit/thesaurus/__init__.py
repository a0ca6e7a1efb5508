"""The thesaurus WordNet: synonyms, hypernyms, and similarities of words."""

from wordkit.thesaurus.comparison import Comparison, compare
from wordkit.thesaurus.database import PARTS_OF_SPEECH, Sense
from wordkit.thesaurus.files import HOW_TO_GET_WORDNET, installed_wordnet, is_wordnet, no_wordnet
from wordkit.thesaurus.taxonomy import MEASURES
from wordkit.thesaurus.thesaurus import Similarity, Thesaurus, load_thesaurus

__all__ = [
    "HOW_TO_GET_WORDNET",
    "MEASURES",
    "PARTS_OF_SPEECH",
    "Comparison",
    "Sense",
    "Similarity",
    "Thesaurus",
    "compare",
    "installed_wordnet",
    "is_wordnet",
    "load_thesaurus",
    "no_wordnet",
]
