"""fairsweep: sweeps over classifiers whose comparisons can be trusted."""

import os
import sys
from typing import TYPE_CHECKING

from src.folders import PLUGINS

if TYPE_CHECKING:  # the packages of these names are called as these functions: callable_package
    from src.interface import compare as compare
    from src.interface import sweep as sweep

if PLUGINS.is_dir() and str(PLUGINS) not in sys.path:
    sys.path.insert(0, str(PLUGINS))

if sys.argv[:1] == ["-m"]:  # `python -m src.…`, whose imports take a while
    from src.process.signals import exit_until_handled

    exit_until_handled()
    if not __debug__:  # Hydra's parser relies on its assertions
        os.environ.pop("PYTHONOPTIMIZE", None)
        words = [word for word in sys.orig_argv[1:] if word not in ("-O", "-OO")]
        os.execv(sys.executable, [sys.executable, *words])
# Before any module that decides results: it keeps their sources as they are imported.
from src import code_digest  # noqa: F401
