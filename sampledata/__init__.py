"""Vendor files for people without data: invented but realistic days, and a small excerpt of real bhavcopies."""
