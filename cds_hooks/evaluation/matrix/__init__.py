"""Many models over the same suites: cells that are asked over weeks, one table at the end."""
