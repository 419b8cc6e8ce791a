"""Runs the compiler: `python -m cds_hooks.plausibility.terminology.compiler`."""

import sys

from cds_hooks.plausibility.terminology.compiler.compile import main

sys.exit(main())
