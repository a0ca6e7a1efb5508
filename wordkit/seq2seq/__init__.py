"""From one sequence to another: pairs of texts, and a network that writes the second."""
