"""The one engine that trains every torch model: batches from CSR, losses, precision, early stopping."""
