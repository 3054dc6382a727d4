"""Matrix factorization, the honest baseline."""
