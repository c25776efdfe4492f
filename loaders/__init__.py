"""Bring vendors' data into the raw tables: one module per source, one way in, one way to ask a vendor."""
