"""How alike two texts are: cosine of word counts weighted by rarity. Pure.

G. Salton, C. Buckley, Inf Process Manage 1988;24:513-523. No model: it measures what a look-up
could do, and which cases two benchmarks share.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["vectors"]

Vectors = NDArray[np.float32]


def vectors(texts: Sequence[Sequence[str]]) -> Vectors:
    """One row of length 1 a text (0 for one without words); the dot product is the cosine."""
    occurs = Counter(word for words in texts for word in set(words))
    # A word of a single text cannot make two alike; leaving it out of the columns keeps the table
    # small, and it still counts in the length of its own text.
    column = {word: i for i, word in enumerate(sorted(w for w, n in occurs.items() if n > 1))}
    table = np.zeros((len(texts), len(column)), dtype=np.float32)
    for row, words in enumerate(texts):
        weights = {w: n * _rarity(occurs[w], len(texts)) for w, n in Counter(words).items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        for word, weight in weights.items():
            if word in column:
                table[row, column[word]] = weight / length
    return table


def _rarity(texts_with: int, texts: int) -> float:
    return math.log((1 + texts) / (1 + texts_with)) + 1
