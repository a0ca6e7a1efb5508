"""``python -m wordkit`` is the command line."""

from wordkit_cli.main import main

main()
