"""From files to sparse matrices: reading, ids, filters, splits, published protocols, the sample."""
