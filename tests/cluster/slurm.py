"""A real SLURM of two nodes on this machine: daemons, ports and state of its own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from until import until

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
NODES = ("n1", "n2")
CONF = """
ClusterName=fairsweep
SlurmctldHost={host}
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=1,sched_min_interval=200000,preempt_send_user_signal
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MaxArraySize=4
MinJobAge=60
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 State=UNKNOWN\n"
PARTITIONS = """
PartitionName=usual Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=5
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
"""


def missing() -> str:
    """Why there can be no SLURM here; "" if there can."""
    absent = [name for name in DAEMONS if not shutil.which(name)]
    if absent:
        return f"no {', '.join(absent)}: apt-get install slurmctld slurmd slurm-client munge"
    return "" if os.geteuid() == 0 else "only root may run SLURM's daemons"


class Slurm:
    """A cluster whose every file lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = socket.gethostname()
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self.daemons: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        """Start all daemons, and wait until both nodes take jobs."""
        (self.folder / "state").mkdir(parents=True)
        ports = iter(_free_ports(1 + len(NODES)))
        conf = CONF.format(host=self.host, controller=next(ports), folder=self.folder)
        for name in NODES:
            conf += NODE.format(name=name, host=self.host, port=next(ports))
        (self.folder / "slurm.conf").write_text(conf + PARTITIONS)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        own = {"key-file": key, "pid-file": "munge.pid", "log-file": "munge.log"}
        own |= {"socket": "munge.socket", "seed-file": "munge.seed"}
        options = [f"--{name}={self.folder / file}" for name, file in own.items()]
        self._run("munged", "munged", "--force", "--foreground", *options)
        until((self.folder / "munge.socket").exists)
        self._run("slurmctld", "slurmctld", "-D")
        for name in NODES:
            self.start_node(name)
        until(self.is_idle)

    def is_idle(self) -> bool:
        """Return whether both nodes could take a job at once."""
        return self.ask("sinfo", "-h", "-N", "-p", "usual", "-o", "%T").split() == ["idle"] * 2

    def start_node(self, name: str) -> None:
        """Start the daemon of a node."""
        self._run(name, "slurmd", "-D", "-N", name)

    def restart_node(self, name: str, *mount: str) -> None:
        """Start the daemon of a node anew, whose jobs alone see what `mount` does."""
        self.daemons[name].terminate()
        self.daemons[name].wait()
        within = ("unshare", "-m", "sh", "-c", f'{" && ".join(mount)} && exec "$0" "$@"')
        self._run(name, *(within if mount else ()), "slurmd", "-D", "-N", name)
        pid, file = str(self.daemons[name].pid), self.folder / f"slurmd-{name}.pid"
        until(lambda: file.exists() and file.read_text().strip() == pid, self.daemons[name])
        until(self.is_idle, self.daemons[name])

    def _run(self, key: str, *command: str) -> None:
        with (self.folder / f"{key}.out").open("ab") as log:
            self.daemons[key] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=os.environ | self.environment,
            )

    def ask(self, *command: str) -> str:
        """Return what one of SLURM's commands prints; "" where it fails."""
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | self.environment, check=False
        )
        return done.stdout

    def queue(self) -> Mapping[str, str]:
        """State of each job that SLURM knows of by its id."""
        lines = self.ask("squeue", "-h", "--array", "-t", "all", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def clear(self) -> None:
        """End all jobs, and wait until both nodes take others."""
        self.ask("scancel", "--quiet", "--user=root")
        self.ask("scontrol", "update", "partitionname=usual", "state=up")
        until(lambda: not self.ask("squeue", "-h").strip() and self.is_idle())

    def stop(self) -> None:
        """End all jobs and daemons."""
        self.ask("scancel", "--quiet", "--user=root")
        for name in reversed(list(self.daemons)):
            self.daemons[name].terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(60)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
