"""Try models on a page: `python -m src.demo [sweep=last|run=ID|model=URI …]`.

Draw with mouse, finger or keys, and the models say live what they see, side by side. Only this
machine can open the page.

  sweep=last|RUN_ID      the best run of each variant of a sweep; the last sweep's are the default
  run=RUN_ID, model=URI  other models; both may be given several times
  port=8000              the port on 127.0.0.1
  tracking.KEY=VALUE     where the runs are, as for training
"""

import os
import socket
from collections.abc import Sequence

from src import command_line
from src.errors import InputError

PORT, HOST = "8000", "127.0.0.1"
MAX_MODELS = 6  # models of a sweep, those of the lowest error


def main(arguments: Sequence[str]) -> None:
    """Serve the page until Ctrl-C. Raises InputError where it cannot be served."""
    words = command_line.parse(arguments, ("sweep", "run", "model", "port"))
    words.no_files()
    with listening(words.value("port") or PORT) as listener:
        import uvicorn

        from src.inference.choice import best_of_variants
        from src.inference.demo_app import make_app

        models = best_of_variants(words, MAX_MODELS)
        app = make_app(models)
        names = ", ".join(model.name for model in models)
        print(f"{names}: http://{HOST}:{listener.getsockname()[1]} (Ctrl-C ends it)", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        server.run(sockets=[listener])


def listening(port: str) -> socket.socket:
    """Return a socket that listens on a port of this machine, 0 for a free one.

    Raises InputError for a port that is in use, or none.
    """
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise InputError(f"port={port}: must be an integer from 0 to 65535")
    try:
        return socket.create_server((HOST, int(port)))
    except OSError as error:
        raise InputError(
            f"port={port}: must be free: {os.strerror(error.errno or 0)}; port=0 takes one that is"
        ) from error


if __name__ == "__main__":
    command_line.run(main, __doc__)
