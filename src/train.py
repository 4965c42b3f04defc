"""Train one model, or sweep over many with -m: see README.md."""

import hydra
from omegaconf import DictConfig

from src import config

config.register_resolvers()


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def train(cfg: DictConfig) -> float:
    """One job."""
    from src import job

    return job.run(cfg)


if __name__ == "__main__":
    train()
