"""Set-ups that used to train again, to train unasked, or to run a part of a path (cases B2, B3, B5, B6, B7, B11, B12)."""

import json
import os
import time
from datetime import timedelta

import pytest
import torch
import yaml
from conftest import REPOSITORY
from safetensors.torch import load_file, save_file

from robustprune.cli import main
from robustprune.data.datasets import _digest, prepare
from robustprune.study.config import DataSettings

workflow = pytest.importorskip("snakemake") and pytest.mark.workflow
pytestmark = workflow
ROOT = "results/my study's $(touch PWNED); `touch PWNED`"
STUDY = {
    "root": ROOT,
    "training": {"epochs": 1, "batch_size": 512},
    "strengths": {"dense": {"d": {}}},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"dense": ["d"]},
            "widths": [0.5],
            "replicates": 2,
        }
    ],
}
TABLE = f"{ROOT}/tables/main_comparison.html"
KEY = "digits/lenet_300_100-full/dense/d/he_normal/width-0.5"
