"""Neural models that reconstruct a user's history."""
