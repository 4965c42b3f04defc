"""The config's `tracking`: the experiment on a tracking server, and where its artifacts lie."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from src.errors import InputError
from src.messages import addresses, commands
from src.messages.addresses import database_path
from src.messages.credentials import redact

if TYPE_CHECKING:
    from src.tracking.store import Store


@dataclass(frozen=True)
class TrackingSettings:
    """A destination of journals."""

    uri: str
    experiment: str
    artifacts: str  # used by an embedded database alone; a server knows its own place

    @classmethod
    def of(cls, tracking: Mapping[str, str]) -> Self:
        """Return the settings of a config's `tracking`, or of what a journal keeps of it."""
        return cls(**{name: tracking.get(name, "") for name in cls.__dataclass_fields__})

    @property
    def public(self) -> Self:
        """The same without passwords, as journals keep it."""
        return replace(self, **{k: redact(v) for k, v in asdict(self).items()})

    @property
    def is_embedded(self) -> bool:
        """True for a database of its user's own, whose artifacts are kept beside it."""
        return database_path(self.uri) is not None

    def is_same_experiment(self, other: Self) -> bool:
        """Return whether runs sent to both come to lie side by side."""
        mine, theirs = self.public, other.public
        return (mine.uri, mine.experiment) == (theirs.uri, theirs.experiment)

    def connect(self) -> "Store":
        """Open the experiment, and import MLflow for it. Raises InputError if it is unusable."""
        from src.tracking import store

        return store.connect(self.uri, self.experiment, self.artifacts)

    def open(self) -> "Store":
        """Open the experiment to read it: neither it nor the place of its artifacts is changed.

        Only where an embedded database has moved together with its artifacts they are followed.
        Raises InputError in one line when it cannot be used.
        """
        from src.tracking import store

        database, folder = database_path(self.uri), addresses.local_path(self.artifacts)
        if database is not None and not database.exists():
            said = f"must be a database that exists; `{commands.train()}` makes one"
            raise InputError(f"tracking.uri={self.public.uri}: {said}")
        beside = database and folder and database.absolute().parent == folder.absolute().parent
        place = self.artifacts if beside else ""
        return store.connect(self.uri, self.experiment, place, is_read=True)


def moved(tracking: Mapping[str, str], then: Path, now: Path) -> Mapping[str, str]:
    """Return a destination as it is named after the journal went from `then` to `now`."""
    common = 0
    while common < len(then.parts) and then.parts[-common - 1 :] == now.parts[-common - 1 :]:
        common += 1
    before, after = (Path(*path.parts[: len(path.parts) - common]) for path in (then, now))
    if before == after or before == Path("/"):
        return tracking
    return {
        key: addresses.moved(value, before, after) if key in ("uri", "artifacts") else value
        for key, value in tracking.items()
    }
