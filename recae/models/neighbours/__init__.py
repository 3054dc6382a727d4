"""Models of similar items."""
