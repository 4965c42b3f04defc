"""Journals of jobs on disk, their records, and their way to MLflow and back."""

import os

# Read by MLflow when it is imported, which comes after this whatever module here does so.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
