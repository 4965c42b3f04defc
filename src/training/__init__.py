"""Training: from the components of a job to its epochs."""
