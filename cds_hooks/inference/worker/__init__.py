"""The engine process: the only place that loads native code, numpy and a model.

It is started by `cds_hooks.inference.local.llama_engine` as `python -m cds_hooks.inference.worker`
and speaks the frames of `cds_hooks.inference.local.frames` over its standard input and output.
"""
