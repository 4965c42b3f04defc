"""Training: from the parts of a job to its epochs. What lies here decides results."""
