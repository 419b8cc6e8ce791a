"""What a result says: value, range, flag, course, and what it is a result of."""
