# %% [markdown]
# # Tutorial: compare two methods, then use a pruned network
#
# Which of two methods has the smaller error *at the same size*, and how sure is that after a few seeds? The first half
# answers it from the shipped results, without training. The second half trains a small network, and uses what is left
# of it. Run all of it from the top of the repository with `python docs/tutorial/tutorial.py`, or cell by cell in an
# editor that knows `# %%`. `make tutorial` runs it and writes this page.
#
# ## Read results
#
# `read_results` gives tables of pandas. `runs` has one row per network; [records.md](../reference/records.md) says what
# each column is. These are the networks of the search for operating points: several strengths of each method, three
# seeds each. A strength is named by its form and value: `c_2e_3` is a price per unit of 2e-3. Other forms, such as `nu`
# (a price by complexity), have curves of their own and are left out.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from robustprune import Cell, load_dataset, load_network, read_results, run_cell
from robustprune.analysis.statistics import mean_interval, paired_difference

PICTURES = Path("results/tutorial")
PICTURES.mkdir(parents=True, exist_ok=True)

sweep = read_results(Path("results/reference/search")).runs
sweep = sweep.query("architecture == 'lenet_300_100' and track == 'full' and budget == 'epochs' and status == 'ok'")
sweep = sweep[sweep["strength"].str.fullmatch(r"(c|kappa)_\d.*")]
FIRST, SECOND = "bernoulli", "vib"
for method in (FIRST, SECOND):
    own = sweep.query("method == @method").groupby("strength")
    shown = own[["params_kept", "error_valid_percent"]].mean().sort_values("params_kept")
    print(f"{method}\n{shown.round(2).reset_index().to_string(index=False)}\n")

# %% [markdown]
# ## Compare at equal size
#
# No strength of one method has exactly the size of a strength of the other. Two rows of the table above that look close
# differ in both numbers, so neither says which method is better. Each seed has a curve of its own, error against size;
# reading it at one size by interpolation, in the logarithm of the size, gives one error per seed and method.
#
# Replicate 0 of one method has the same initial weights and batch order as replicate 0 of the other. So the errors are
# compared in pairs, and what the two share cancels.

# %%
SIZE = 40_000  # parameters; both methods have smaller and larger networks


def error_at_size(method):
    """Return the validation error in percent of each replicate at SIZE parameters."""
    errors = []
    for _, curve in sweep.query("method == @method").groupby("replicate"):
        curve = curve.sort_values("params_kept")
        errors.append(np.interp(np.log(SIZE), np.log(curve["params_kept"]), curve["error_valid_percent"]))
    return errors


at_size = {method: error_at_size(method) for method in (FIRST, SECOND)}
for method, errors in at_size.items():
    mean = mean_interval(errors)
    print(f"{method:9} {mean.mean:.2f} % [{mean.low:.2f}, {mean.high:.2f}], n = {mean.n}")
found = paired_difference(at_size[FIRST], at_size[SECOND])
print(f"difference {found.mean:+.2f} points [{found.low:+.2f}, {found.high:+.2f}], paired, n = {found.n}")

# %% [markdown]
# The brackets are 95 % intervals by Student's t. With three seeds they reach 4.3 standard errors to each side, so an
# interval that holds 0 says little: neither "no difference" nor "too small to matter". [protocol.md](../protocol.md)
# therefore fixes how small a difference has to be, and how many seeds are run, before the runs. Its verdicts are in
# [FINDINGS.md](../../results/reference/FINDINGS.md); this one comparison is none of them.

# %%
figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
for method, colour in ((FIRST, "#0072B2"), (SECOND, "#D55E00")):
    own = sweep.query("method == @method and params_kept > 3000").sort_values("params_kept")
    axes.plot(own["params_kept"], own["error_valid_percent"], "o", color=colour, alpha=0.45, markersize=4)
    means = own.groupby("strength")[["params_kept", "error_valid_percent"]].mean().sort_values("params_kept")
    axes.plot(means["params_kept"], means["error_valid_percent"], color=colour, label=method)
    mean = mean_interval(at_size[method])
    place = SIZE * (0.97 if method == FIRST else 1.03)  # side by side
    spread = [[mean.mean - mean.low], [mean.high - mean.mean]]
    axes.errorbar(place, mean.mean, spread, fmt="s", color=colour, capsize=4, markersize=5)
axes.axvline(SIZE, color="0.6", linewidth=0.8, linestyle=":")
axes.set(xscale="log", xlabel="parameters kept", ylabel="validation error (%)")
axes.legend(frameon=False)
figure.savefig(PICTURES / "equal_size.png", dpi=110)

# %% [markdown]
# ![Validation error against size of two methods](equal_size.png)
#
# *Dots: networks. Lines: means of a strength. Squares: the interpolated errors at the dotted size, with 95 %
# intervals.*
#
# ## Prune a network
#
# A cell is one training job: a data set, a network, a method with its settings, and a number of replicates that train
# together. `run_cell` trains it and writes its folder. The data set `digits` comes with scikit-learn, so nothing is
# downloaded, and training takes less than a minute. For MNIST write `"mnist"`, after `robustprune prepare mnist`.

# %%
EPOCHS, REPLICATES = 40, 3
digits = load_dataset("digits")
cell = Cell(
    dataset="digits",
    architecture="lenet_300_100",
    method="bernoulli",
    strength="c1e_3",
    settings={"price": 1e-3},
    replicates=REPLICATES,
    training={"epochs": EPOCHS, "batch_size": 32},
)
record = run_cell(cell, digits, PICTURES / "cell")
for network in record.replicates:
    size = f"{network.units_start} -> {network.units_kept}, {network.params_kept:,} of {network.params_dense:,} params"
    print(f"seed {network.seed}: {size}, test error {network.error_test_percent:.1f} %")

# %% [markdown]
# ## Use it
#
# `load_network` returns a small torch module of ordinary layers. Removed units are not masked, they are gone: the
# buffer `kept_input` names the pixels that are still read. `robustprune export` writes the same network as a state dict
# and as ONNX.

# %%
pruned = load_network(PICTURES / "cell", replicate=0)
images = digits.test_images.float() / 255
answers = pruned(images).argmax(1)
print(pruned)
print("wrong:", int((answers != digits.test_labels).sum()), "of", len(images))

kept = np.zeros(784)
kept[pruned.kept_input.numpy()] = 1
figure, panels = plt.subplots(2, 6, figsize=(7.6, 2.9), layout="constrained")
panels[0, 0].imshow(kept.reshape(28, 28), cmap="Greys", vmin=0, vmax=1)
panels[0, 0].set_title("pixels read", fontsize=9)
for panel, number in zip(panels.flat[1:], range(11), strict=True):
    panel.imshow(images[number].reshape(28, 28).numpy(), cmap="Greys")
    panel.set_title(f"{int(answers[number])} (is {int(digits.test_labels[number])})", fontsize=9)
for panel in panels.flat:
    panel.set(xticks=[], yticks=[])
figure.savefig(PICTURES / "digits.png", dpi=110)

# %% [markdown]
# ![The pixels that the pruned network reads, and its answers to eleven test images](digits.png)
#
# *Top left: black pixels are read, all others are ignored. Then test images with the network's answer.*
#
# Change `method` and `settings`, or write a method of your own ([how-to-plugins.md](../how-to-plugins.md)): the rest of
# this page stays as it is.
