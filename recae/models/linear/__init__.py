"""Models that are one item-item matrix, solved in closed form."""
