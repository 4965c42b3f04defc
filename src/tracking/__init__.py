"""What jobs tell, kept on disk first, and how it reaches MLflow and is read back."""
