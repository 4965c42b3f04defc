"""A Hydra sweeper that tunes each variant alike, and adds seeds while a comparison is undecided."""

from hydra_plugins.fair_sweeper.fair_sweeper import FairSweeper

__all__ = ["FairSweeper"]
