"""Compiles the terminology once: wheels of public terminologies in, one SQLite file out."""

from cds_hooks.plausibility.compile.build import Report, compile_terminology
from cds_hooks.plausibility.compile.sources import CompileError

__all__ = ["CompileError", "Report", "compile_terminology"]
