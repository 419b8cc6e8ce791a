"""`python -m cds_hooks` is the command `chartside`."""

from cds_hooks.cli.application import main

main()
