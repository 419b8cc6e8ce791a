"""Fitting a verifier on cases whose truth is known, and measuring it on others.

scikit-learn (extra `verifier`) is imported where something is fitted, and nowhere else.
"""
