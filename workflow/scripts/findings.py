"""Tables and sentences of the DOCUMENTS from the shipped results, and the power table of docs/protocol.md (`make
findings`).

A document marks where a block belongs: `<!-- NAME:begin -->` and `<!-- NAME:end -->`, NAME a key of BLOCKS. The text
between the two markers is replaced; everything else is written by people.
"""

import re

import ablations
import by_start
import configurations
import controls
import cost
import crossed
import equal_error
import equal_macs
import equal_size
import forms
import hours
import layers
import not_run
import own_settings
import own_strengths
import power
import probes
import progress
import published
import related
import rivals
import robustness
import same_network
import speed
import study_size
import verdicts
from headline import headline
from shipped_numbers import REPOSITORY

DOCUMENTS = [
    REPOSITORY / name
    for name in (
        "README.md",
        "config/README.md",
        "docs/protocol.md",
        "docs/layers.md",
        "docs/related.md",
        "docs/theory.md",
        "docs/ablations.md",
        "docs/cluster.md",
        "benchmarks/README.md",
        "results/reference/FINDINGS.md",
        "results/reference/README.md",
    )
]


BLOCKS = {
    "headline": headline,
    "times": configurations.times,
    "claims-of-the-method": verdicts.of_the_method,
    "claims-of-all-methods": verdicts.of_all_methods,
    "progress": progress.progress,
    "hours": hours.trained,
    "robustness": robustness.by_method,
    "own-strengths": own_strengths.in_search,
    "published": published.beside_ours,
    "cost": cost.beside_dense,
    "power": power.of_verdicts,
    "by-start": by_start.sizes_and_errors,
    "crossed": crossed.sizes_and_errors,
    "reconstructions": forms.reconstructions,
    "prices": forms.prices,
    "equal-size": equal_size.against_baselines,
    "equal-macs": equal_macs.by_method,
    "not-run": not_run.by_part,
    "equal-error": equal_error.against_baselines,
    "against-rivals-widths": rivals.from_widths,
    "against-rivals-initializations": rivals.from_initializations,
    "same-network": same_network.agreement,
    "controls": controls.against_the_method,
    "own-settings": own_settings.changed,
    "layers-hypotheses": layers.hypotheses,
    "layers-kept": layers.depth_kept,
    "layers-by-epoch": layers.optimum_by_epoch,
    "layers-remedies": layers.remedies,
    "layers-joint": layers.joint,
    "removal-rules": probes.rules,
    "removal-thirds": probes.thirds,
    "removal-variants": probes.variants,
    "certified-sets": probes.certified,
    "gate-worth": probes.worth,
    "estimators": probes.estimators,
    "gate-ends": probes.ends,
    "undetermined": probes.undetermined,
    "undetermined-elsewhere": probes.undetermined_elsewhere,
    "imbalance": related.imbalances,
    "label-free": related.label_free,
    "local-predictors": related.local_predictors,
    "smallest-width": related.smallest_widths,
    "ablations": ablations.on_mlp,
    "ablations-progress": ablations.progress,
    "failing-estimators": ablations.on_lenet5,
    "noise-levels": ablations.noise_levels,
    "balls": related.balls,
    "fine-tuning": related.fine_tuning,
    "study-size": study_size.on_cores,
    "speed-targets": speed.targets,
    "speed-public-programs": speed.public_programs,
    "speed-methods": speed.methods,
}
MARKED = re.compile(r"(<!-- (?P<name>[a-z-]+):begin -->\n).*?(<!-- (?P=name):end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The document with every marked table as the shipped results have it."""
    return MARKED.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}\n{found[3]}", text)


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(filled(path.read_text()))
