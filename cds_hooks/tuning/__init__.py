"""Fine-tuning as a recipe: training examples from a site's cases, and configurations that train.

The service imports none of it. `example` is the one documented form of a training example,
`manifest` what a training set is of, `prepare` makes both; `cds_hooks.evaluation.trained_cases`
refuses to measure on a case that was trained on.
"""
