"""Measuring models and checks: suites, metrics, runs, reports, admission."""
