"""The machine that models run on: processors, memory, what others use of it."""
