"""Folders of the project: the code that runs, and the clone that it belongs to."""

from pathlib import Path

CODE = Path(__file__).parents[1]  # src and conf that run: a clone's, or a copy for queued jobs
PLUGINS = CODE / "src" / "plugins"  # Hydra finds them in a clone that was not installed as well


def _root() -> Path:
    """Return the folder of outputs and of git's history: the clone, or of a wheel the current one.

    A copy for queued jobs has a link to that folder.
    """
    if (link := CODE / "clone").is_symlink():
        return link.resolve()
    return CODE if (CODE / "pyproject.toml").is_file() else Path.cwd()


ROOT = _root()
