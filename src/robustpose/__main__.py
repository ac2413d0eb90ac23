"""`python -m robustpose`."""

from robustpose.cli import main

main()
