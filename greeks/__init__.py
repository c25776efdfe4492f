"""Option prices, implied volatility, Greeks, and the step that stores them."""
