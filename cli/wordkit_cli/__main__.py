"""python -m wordkit_cli, where the script wordkit is not on the path."""

from wordkit_cli.main import main

main()
