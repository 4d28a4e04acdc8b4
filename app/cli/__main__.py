"""`python -m app.cli` is `cdb`."""

from app.cli import main

main()
