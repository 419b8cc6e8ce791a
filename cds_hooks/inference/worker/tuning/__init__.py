"""The fastest way to compute on this machine, measured once and kept."""
