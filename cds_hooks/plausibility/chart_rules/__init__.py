"""Rules about a chart by itself: patterns of findings, scores, red flags, contradictions."""
