"""Vendor files for people without data: invented but realistic days, and an excerpt of real bhavcopies."""
