"""fairsweep: sweeps over MNIST classifiers whose comparisons can be trusted."""
