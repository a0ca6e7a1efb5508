"""Pictures: words on a map, how trainings go, and where a decoder looks.

Drawn by matplotlib without a display and saved as one file. What is drawn twice alike is the same
file, byte for byte.
"""

from wordkit.plots.attention import attention_map
from wordkit.plots.curves import learning_curves
from wordkit.plots.picture_file import FORMATS, check_picture

__all__ = ["FORMATS", "attention_map", "check_picture", "learning_curves"]
