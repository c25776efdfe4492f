"""The command line, nothing else: one module per command."""
