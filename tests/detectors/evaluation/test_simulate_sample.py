"""The bundled sample is what the simulator makes, says that it is simulated, and holds the outage it promises."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from detectors.evaluation.simulate import Truth, simulate_counts
from detectors.evaluation.simulate.sample import ONSET_AT, SEED, STEM, sample_lines, sample_scenario, sample_truth
from detectors.model import Post
from detectors.reference import catalogue

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "data" / "samples"


@pytest.fixture(scope="module")
def lines() -> bytes:
    return gzip.decompress((SAMPLES / f"{STEM}.jsonl.gz").read_bytes())


def test_the_script_makes_the_same_bytes_again(lines: bytes, tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "make_sample", tmp_path], check=True, capture_output=True)
    assert gzip.decompress((tmp_path / f"{STEM}.jsonl.gz").read_bytes()) == lines, "run scripts/make_sample"
    truth = f"{STEM}.truth.json"
    assert (tmp_path / truth).read_bytes() == (SAMPLES / truth).read_bytes(), "run scripts/make_sample"


def test_the_sample_is_what_the_simulator_makes(lines: bytes) -> None:
    made = list(sample_lines())
    assert b"".join(made) == lines, "run scripts/make_sample"
    assert sample_truth(len(made)) == (SAMPLES / f"{STEM}.truth.json").read_bytes(), "run scripts/make_sample"


def test_it_is_small_and_says_that_it_is_simulated(lines: bytes) -> None:
    assert (SAMPLES / f"{STEM}.jsonl.gz").stat().st_size < 1_200_000
    assert "simulated" in STEM
    posts = [msgspec.json.decode(line, type=Post) for line in lines.splitlines()]
    assert all(post.id.startswith("sim") for post in posts)
    told = msgspec.json.decode((SAMPLES / f"{STEM}.truth.json").read_bytes())
    assert told["simulated"] is True
    assert told["n_posts"] == len(posts)


def test_its_truth_is_the_outage_of_the_scenario() -> None:
    truth = msgspec.json.decode((SAMPLES / f"{STEM}.truth.json").read_bytes(), type=Truth)
    (outage,) = truth.outages
    assert truth.seed == SEED
    assert (outage.service, outage.onset_at, outage.factor) == ("imessage", ONSET_AT, 13)
    assert (outage.end_at - outage.onset_at).total_seconds() == 47 * 60
    assert next(iter(outage.symptoms.items())) == ("cannot send", 0.46)
    assert outage.evidence_nats > 500
    assert truth == simulate_counts(sample_scenario(), seed=SEED).truth


def test_its_names_are_in_the_catalogue() -> None:
    for service in sample_scenario().services:
        known = {name.casefold() for name in (*catalogue()[service.id].aliases, catalogue()[service.id].name)}
        assert {name.casefold() for name in service.names} <= known
