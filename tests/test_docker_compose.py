"""The shared server for users with Docker: it shows itself to this machine alone, and no secret."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml

from src.folders import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]


def test_every_published_port_is_of_the_loopback_address():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:5000:5000"]
    assert not any("network_mode" in service for service in SERVICES.values())


def test_every_secret_comes_from_a_variable_that_the_example_leaves_empty():
    secret = re.compile("PASSWORD|SECRET")
    settings = [each for s in SERVICES.values() for each in s["environment"].items()]
    secrets = [value for key, value in settings if secret.search(key)]
    assert len(secrets) == 5
    assert all(re.fullmatch(r"\$\{\w+:\?\}", value) for value in secrets)
    named = re.findall(r"\$\{(\w+)", COMPOSE)
    assert (ROOT / ".env.example").read_text().splitlines()[1:] == [
        f"{name}=" for name in dict.fromkeys(named)
    ]
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


KNOWN = """
from mlflow import environment_variables
from mlflow.cli import server
print(*(option for each in server.params for option in each.opts))
print(*(each.envvar for each in server.params), *vars(environment_variables))
"""


@pytest.mark.slow
def test_mlflow_knows_each_option_and_variable_of_its_server():
    service = SERVICES["server"]
    words = shlex.split(service["command"][-1].splitlines()[-1])
    assert words[:3] == ["exec", "mlflow", "server"]
    command = [sys.executable, "-W", "ignore", "-c", KNOWN]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options, variables = (set(line.split()) for line in told.splitlines()[-2:])
    assert {word for word in words if word.startswith("--")} <= options
    assert {name for name in service["environment"] if name.startswith("MLFLOW_")} <= variables
