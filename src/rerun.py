"""Run an archive's jobs again: `python -m src.rerun FILE.zip [key=value …]`.

Every file of the archive is held against its digest, then the same jobs are trained by this clone's
code, in a folder of their own, and each figure is bitwise equal, equal within noise, or differs.
Nothing of the archive is imported, unpickled or instantiated.

  key=value              settings of this machine, as for training: data.root=…, threads=…
  --config-dir FOLDER    options of the authors' own, if the jobs use any, as for training
  rerun.dir=FOLDER       where the jobs are run, outputs/reruns/… by default
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from src import command_line
from src.config.resolvers import stamp
from src.crate import command
from src.errors import InputError
from src.folders import ROOT

FOLDER = "rerun.dir="


def main(arguments: Sequence[str]) -> None:
    """Check, run and compare. Raises InputError where a figure differs, after it was told."""
    arguments, options = command.take_folders(arguments)
    files = [argument for argument in arguments if Path(argument).suffix == ".zip"]
    folders = [word.removeprefix(FOLDER) for word in arguments if word.startswith(FOLDER)]
    extra = [word for word in arguments if word not in files and not word.startswith(FOLDER)]
    if "" in folders:
        raise InputError(f"{FOLDER}: must be a folder")
    if len(files) != 1:
        raise InputError("FILE.zip: must be given, one archive")
    if wrong := [argument for argument in extra if "=" not in argument]:
        raise InputError(f"{wrong[0]}: must be key=value, or an archive")
    from src.crate import archive, contents, repeat, results

    found = archive.read(Path(files[0]))
    if missing := {results.FILE, contents.COMMAND} - found.keys():
        raise InputError(f"{files[0]}: holds no {', '.join(sorted(missing))}")
    before = results.load(found[results.FILE])
    typed = found[contents.COMMAND].decode(errors="replace")
    overrides = command.checked(command.portable(typed))
    print(f"{len(found)} files as they were packed; {len(before)} jobs: {command.show(overrides)}")
    for name in contents.changed_since(before):
        print(f"note: {name} is not the code that trained these jobs")
    default = ROOT / "outputs" / "reruns" / stamp()
    after = repeat.run(
        overrides, [*options, *extra], Path(folders[-1]).absolute() if folders else default
    )
    agreed = results.agreements(before, after)
    print(repeat.table(agreed))
    curves, of = results.equal_curves(before, after)
    print(f"curves: {curves} of {of} jobs bitwise equal in every epoch")
    told = [*repeat.unmatched(before, after), *repeat.differing(agreed)]
    for line in told:
        print(line, file=sys.stderr)
    if told:
        raise InputError(f"{len(told)} figures or jobs are not what they were")


if __name__ == "__main__":
    command_line.run(main, __doc__)
