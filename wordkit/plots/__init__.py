"""Figures: maps of words, learning curves, and attention weights.

Drawn by matplotlib without a display and saved as one file, or written as one page of HTML, or as
characters for a terminal. What is drawn twice alike is the same file, byte for byte.
"""

from wordkit.plots.attention import attention_map
from wordkit.plots.curves import Panel, curve_panels, learning_curves
from wordkit.plots.figures import DARK, FORMATS, LIGHT, Theme, check_figure
from wordkit.plots.map_figure import draw_map
from wordkit.plots.map_page import write_page
from wordkit.plots.neighbourhood import draw_neighbourhoods, find_neighbourhoods
from wordkit.plots.training_log import read_training_log, training_panels
from wordkit.plots.word_map import WordMap, map_words, neighbours_of

__all__ = [
    "DARK",
    "FORMATS",
    "LIGHT",
    "Panel",
    "Theme",
    "WordMap",
    "attention_map",
    "check_figure",
    "curve_panels",
    "draw_map",
    "draw_neighbourhoods",
    "find_neighbourhoods",
    "learning_curves",
    "map_words",
    "neighbours_of",
    "read_training_log",
    "training_panels",
    "write_page",
]
