"""Figures with their intervals, as metrics use them; other packages use them too."""

from cds_hooks.figures import Figure, Floats, bootstrap, mean, proportion
from cds_hooks.intervals import wilson

__all__ = ["Figure", "Floats", "bootstrap", "mean", "proportion", "wilson"]
