"""``python -m flows.cli``: the same as ``uproar``."""

from flows.cli import main

main()
