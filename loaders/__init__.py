"""Vendor files into the raw tables: one module per vendor, one way in (`loaders.landing`)."""
