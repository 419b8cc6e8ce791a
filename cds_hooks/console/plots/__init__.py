"""Plots as SVG made on the server: pure functions, each with its figures as a table.

`line_plot`, `bar_plot`, `share_plot`, `histogram` and `waterfall` give a `Plot`. A page shows it
with the macro `plot` of `templates/plots/plot.html.j2`. Colours are CSS classes of `console.css`,
so a plot is read in light, in dark and on paper.
"""

from cds_hooks.console.plots.bars import Bar, Share, bar_plot, share_plot
from cds_hooks.console.plots.histograms import Bin, histogram
from cds_hooks.console.plots.lines import Point, Series, line_plot
from cds_hooks.console.plots.plot import Plot
from cds_hooks.console.plots.waterfall import Span, spans_of, waterfall

__all__ = [
    "Bar",
    "Bin",
    "Plot",
    "Point",
    "Series",
    "Share",
    "Span",
    "bar_plot",
    "histogram",
    "line_plot",
    "share_plot",
    "spans_of",
    "waterfall",
]
