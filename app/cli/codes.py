"""Exit codes, which stay as they are: scripts rely on them."""

FAILED = 1
WRONG = 2
UNREACHABLE = 3
