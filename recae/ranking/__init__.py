"""From scores to lists: exact top-k, rules about what may be listed, streaming over users."""
