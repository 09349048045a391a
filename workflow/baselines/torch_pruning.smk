# The library Torch-Pruning: its group-norm importance and its own pruner (optional: the extra `baselines`).
use rule foreign as torch_pruning with:
    input:
        script="workflow/scripts/train_torch_pruning.py",
