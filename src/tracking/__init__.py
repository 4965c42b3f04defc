"""Journals of jobs on disk, their records, and their way to MLflow and back."""
