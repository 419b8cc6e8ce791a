"""Benchmarks: loaders with a schema, a licence note and a kind of task.

No case of a suite ever stands in a prompt as an example: suites make cases, and a case only ever
becomes the chart or the question that is asked.
"""
