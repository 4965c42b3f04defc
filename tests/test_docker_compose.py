"""The shared server for users with Docker: it shows itself to this machine alone, and no secret."""

import re

import yaml

from src import ROOT

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
