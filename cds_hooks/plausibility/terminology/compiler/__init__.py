"""The parts of the compiler: reading the sources, linking them, choosing names, writing."""
