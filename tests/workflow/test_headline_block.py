"""The table of README.md: a claim's verdict on every network, with the numbers of the first."""

import sys

import pandas as pd
import pytest
from conftest import REPOSITORY

MNIST = {"dataset": "mnist", "architecture": "lenet_300_100", "track": "full", "budget": "epochs"}
FASHION = MNIST | {"dataset": "fashion_mnist"}
LENET5 = MNIST | {"architecture": "lenet5"}


@pytest.fixture
def verdicts(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "workflow" / "scripts"))
    import headline

    yield headline._verdicts
    for name in ("headline", "by_start", "verdicts"):
        sys.modules.pop(name, None)


def claimed(network: dict, verdict: str, claim: str, strength: str = "c", evidence: str = "seen") -> dict:
    return network | {"claim": claim, "strength": strength, "verdict": verdict, "evidence": evidence, "n": 5}


def test_one_network_has_one_column_and_what_did_not_hold_first(verdicts):
    own = pd.DataFrame([claimed(MNIST, "yes", "Cheaper", evidence="half"), claimed(MNIST, "no", "Early")])
    assert verdicts(own).splitlines() == [
        "| the abstract claims | verdict | what was found |",
        "|---|---|---|",
        "| early | **no** | seen, n = 5 |",
        "| cheaper | yes | half, n = 5 |",
    ]


def test_other_networks_have_columns_behind_the_first_and_forms_of_one_network_their_own(verdicts):
    own = [
        claimed(FASHION, "yes", "Early"),
        claimed(LENET5, "no", "Early", "one"),
        claimed(LENET5, "yes", "Early", "s"),
    ]
    lines = verdicts(pd.DataFrame([*own, claimed(MNIST, "undecided", "Early", evidence="-1 against vib k_1 (of 3)")]))
    head, _, row = lines.splitlines()
    titles = [f"LeNet-300-100 on {name}" for name in ("MNIST", "Fashion-MNIST")]
    titles += [f"LeNet-5 on MNIST, `{form}`" for form in ("one", "s")]
    assert head == f"| the abstract claims | {' | '.join(titles)} | what was found, {titles[0]} |"
    assert row == "| early | undecided | yes | **no** | yes | -1 against `vib` (of 3), n = 5 |"
