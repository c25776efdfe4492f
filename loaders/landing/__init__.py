"""The one way in: files, untouched, into the raw table of their layout, each whole or not at all."""

from loaders.landing.landing import land
from loaders.landing.outcomes import Listener, Outcome, Report

__all__ = ["Listener", "Outcome", "Report", "land"]
