"""Write marts as files that a backtester loads: one way out, one module per format."""
