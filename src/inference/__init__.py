"""Use of trained models: find them, fit images to them, predict, show."""
