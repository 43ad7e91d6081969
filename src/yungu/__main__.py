"""``python -m yungu``: the same as the ``yungu`` command."""

from yungu.cli import main

main()
