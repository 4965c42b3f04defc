"""fairsweep: sweeps over classifiers whose comparisons can be trusted."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the packages of these names are called as these functions: callable_package
    from src.interface import compare as compare
    from src.interface import sweep as sweep

CODE = Path(__file__).parents[1]  # src and conf that run: a clone's, or a copy for queued jobs
PLUGINS = CODE / "src" / "plugins"  # Hydra finds them in a clone that was not installed as well
if PLUGINS.is_dir() and str(PLUGINS) not in sys.path:
    sys.path.insert(0, str(PLUGINS))


def _root() -> Path:
    """Return the folder of outputs and of git's history: the clone, or of a wheel the current one.

    A copy for queued jobs has a link to that folder.
    """
    if (link := CODE / "clone").is_symlink():
        return link.resolve()
    return CODE if (CODE / "pyproject.toml").is_file() else Path.cwd()


ROOT = _root()

if sys.argv[:1] == ["-m"]:  # `python -m src.…`, whose imports take a while
    from src.process.signals import exit_until_handled

    exit_until_handled()
    if not __debug__:  # Hydra's parser relies on its assertions
        os.environ.pop("PYTHONOPTIMIZE", None)
        words = [word for word in sys.orig_argv[1:] if word not in ("-O", "-OO")]
        os.execv(sys.executable, [sys.executable, *words])
# Before any other module of this project: it keeps their sources as they are imported.
from src import code_digest  # noqa: E402, F401
