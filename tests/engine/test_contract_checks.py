"""`robustprune check-method`: shipped methods pass, and each mistake of a plug-in is named."""

import sys
from textwrap import dedent

import pytest

from robustprune import registry
from robustprune.cli import main

GOOD = """
    import torch
    from robustprune import Method, spread

    class Mine(Method):
        def __init__(self, settings, context):
            super().__init__(settings, context)
            self.parameters = self.filled("logit", 1.0)
            self.buffers = self.filled("low_for", 0, torch.int64)

        def gate(self, slot, h):
            if slot not in self.context.gated:
                return h
            return h * spread(self.parameters[f"{slot}.logit"].sigmoid().unsqueeze(1), h)

        def penalty(self, network):
            return 0.05 * sum(logit.sigmoid().sum(1) for logit in self.parameters.values())

        def after_step(self, network):
            for slot, gate in self.gates().items():
                self.buffers[f"{slot}.low_for"] = torch.where(gate < 0.72, self.buffer(slot, "low_for") + 1, 0)
            if not self.moment.epoch_end:
                return None
            return {slot: self.buffer(slot, "low_for") > 5 for slot in self.context.gated}

        def gates(self):
            return {slot: self.parameters[f"{slot}.logit"].detach().sigmoid() for slot in self.context.gated}

        def final_gates(self):
            return self.gates()
"""
MISTAKES = {
    "scalar penalty": ("sum(1) for logit", "sum() for logit", "penalty is [], expected [2]"),
    "misspelt hook": ("def after_step", "def after_steps", "after_steps is no hook; did you mean 'after_step'"),
    "hidden state": (
        'self.buffers[f"{slot}.low_for"] = torch.where(gate < 0.72, self.buffer(slot, "low_for") + 1, 0)',
        'self.count = getattr(self, "count", 0) + 1; self.buffers[f"{slot}.low_for"].fill_(self.count)',
        "declare what changes during training",
    ),
    "hidden gates": (
        "def final_gates(self):\n            return self.gates()",
        "def constrain(self, network):\n            self.steps = getattr(self, 'steps', 0) + 1\n\n"
        "        def final_gates(self):\n"
        "            return {slot: gate * (getattr(self, 'steps', 0) < 100) for slot, gate in self.gates().items()}",
        "final_gates input differs after a resumption",
    ),
    "hidden gates, made anew in each epoch": (
        "def final_gates(self):\n            return self.gates()",
        "def constrain(self, network):\n            self.open = 1\n\n"
        "        def final_gates(self):\n"
        "            return {slot: gate * getattr(self, 'open', 0) for slot, gate in self.gates().items()}",
        "final_gates input differs after a resumption",
    ),
    "hidden scores": (
        "    def gates(self)",
        "    def scores(self, network):\n            self.asked = getattr(self, 'asked', 0) + self.moment.epoch_end\n"
        "            return {slot: gate * self.asked for slot, gate in self.gates().items()}\n\n"
        "        def gates(self)",
        "scores input differs after a resumption",
    ),
    "wrong shape": (
        'return {slot: self.buffer(slot, "low_for") > 5',
        'return {slot: self.buffer(slot, "low_for")[0] > 5',
        "after_step",
    ),
    "no mask": ('self.buffer(slot, "low_for") > 5', 'self.buffer(slot, "low_for")', "expected torch.bool"),
    "untrained parameters": (".sigmoid()", ".detach().sigmoid()", "input.logit never get a gradient"),
    "unscored slots": (
        "    def gates(self)",
        "    def scores(self, network):\n            return {}\n\n        def gates(self)",
        "scores: nothing for the gated slot input",
    ),
    "exception in a hook": (
        "return h * spread(",
        "return h @ spread(",
        "mine on lenet_300_100, hooks: gate: RuntimeError: Expected size for first two dimensions",
    ),
    "line of an exception": (
        "return h * spread(",
        "return 1 / 0 * spread(",
        "ZeroDivisionError: division by zero (plugins/methods/mine.py, line 14)",
    ),
    "exception at the start": (
        "super().__init__(settings, context)",
        "self.nothing",
        "names: __init__: AttributeError: ",
    ),
    "gate that fits by broadcasting": (
        "return h * spread(",
        "return h[:, :1] * spread(",
        "gate('input'): has shape [2, 1, 784], expected [2, 16, 784]",
    ),
    "gates of the wrong kind": (
        "return self.gates()",
        "return list(self.gates())",
        "final_gates: returns list, expected a dict slot -> tensor",
    ),
    "unknown slot": ('self.filled("low_for", 0, torch.int64)', '{"fc9.low_for": torch.zeros(2, 3)}', "no slot 'fc9'"),
}

PHASED = """
    import torch
    from robustprune import PhasedGates

    class Mine(PhasedGates):
        def __init__(self, settings, context):
            super().__init__(settings, context)
            self.parameters = self.filled("phi", 1.0)

        def draw(self, batch):
            pass

        def sampled(self, slot):
            return self.own(slot, "phi").sigmoid().unsqueeze(1)

        def settled(self, slot):
            return self.own(slot, "phi").sigmoid()

        def cost(self, slot):
            return 1e-3 * self.settled(slot)
"""
SECTIONS = GOOD.replace("    class Mine(Method):\n", "    class Mine(Method):\n        layer_gates = True\n\n")
OF_SECTIONS = {
    "a claim without gates": (
        "if slot not in self.context.gated:",
        "if slot not in self.context.gated or slot.endswith('_gate'):",
        "mine on mlp_residual, sections: gate: no section is ever closed",
    ),
    "a gate per unit of the stream": (
        "return h * spread(",
        "return h * torch.arange(h.shape[2]).view(1, 1, -1, *[1] * (h.dim() - 3)) * spread(",
        "gate: block1_gate multiplies the units of its stream by different numbers, expected one",
    ),
}
WRONG_SHAPES = {
    "sampled": (
        "unsqueeze(1)",
        "unsqueeze(2)",
        "sampled('input'): has shape [2, 784, 1], expected [2, 16, 784] or [2, 1, 784]",
    ),
    "cost": (
        "1e-3 * self.settled(slot)",
        "1e-3 * self.settled(slot).sum(1)",
        "cost('input'): has shape [2], expected [2, 784]",
    ),
    "settled": (
        'return self.own(slot, "phi").sigmoid()\n\n        def cost',
        'return self.own(slot, "phi")[0]\n\n        def cost',
        "settled('input'): has shape [784], expected [2, 784]",
    ),
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write a plug-in and check it; returns the exit status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(registry.VARIABLE, "plugins")
    (tmp_path / "plugins" / "methods").mkdir(parents=True)

    def check(source: str, *arguments: str) -> int:
        (tmp_path / "plugins" / "methods" / "mine.py").write_text(dedent(source))
        for name in [name for name in sys.modules if name.startswith(registry.PLUGINS)]:
            monkeypatch.delitem(sys.modules, name)
        return main(["check-method", "mine", *arguments])

    return check


def test_a_good_plug_in_passes(mine, capsys):
    assert mine(GOOD) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert "lenet5, resumption" in printed
    assert "mine keeps the contract" in printed


def test_a_plug_in_that_gates_sections_is_checked_on_some(mine, capsys):
    assert mine(SECTIONS, "--architectures", "lenet_300_100") == 0, capsys.readouterr().err
    assert "mlp_residual, sections: The gate of a section" in capsys.readouterr().out


@pytest.mark.parametrize("name", OF_SECTIONS)
def test_a_false_claim_to_gate_sections_is_named(mine, capsys, name):
    right, wrong, message = OF_SECTIONS[name]
    assert right in SECTIONS
    assert mine(SECTIONS.replace(right, wrong), "--track", "joint", "--architectures", "mlp_residual") == 2
    assert message in capsys.readouterr().err


def test_settings_that_do_not_fit_sections_are_said(capsys):
    settings = '{"price": 0.002, "noise": 0.5}'
    arguments = ["check-method", "bernoulli", "--settings", settings, "--architectures", "lenet_300_100"]
    assert main(arguments) == 0, capsys.readouterr().err
    assert "mlp_residual: not checked, as the method refuses these settings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "right", "wrong", "message"),
    [
        pytest.param(source, *change, id=name)
        for source, changes in ((GOOD, MISTAKES), (PHASED, WRONG_SHAPES))
        for name, change in changes.items()
    ],
)
def test_a_mistake_is_named_in_one_line(mine, capsys, source, right, wrong, message):
    assert right in source
    assert mine(source.replace(right, wrong)) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.splitlines()) == 1


def test_wrong_settings_are_those_of_the_method(capsys):
    assert main(["check-method", "taylor", "--settings", '{"targt": 0.3}']) == 2
    printed = capsys.readouterr().err
    assert "check-method: settings of taylor: unknown key 'targt'; did you mean 'target'" in printed


@pytest.mark.parametrize(
    ("method", "settings", "track", "architecture"),
    [
        ("bernoulli", '{"price": 0.002}', "full", "lenet_300_100"),
        ("taylor", '{"target": 0.3}', "full", "lenet_300_100"),
        ("ss_ig", "{}", "hidden", "lenet_300_100"),
    ],
)
def test_shipped_methods_pass(capsys, method, settings, track, architecture):
    arguments = ["check-method", method, "--settings", settings, "--track", track, "--architectures", architecture]
    assert main(arguments) == 0, capsys.readouterr().err
