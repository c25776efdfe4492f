"""`python -m tickmart`."""

from tickmart.main import main

main()
