"""Operating points from made-up sweeps."""

import pandas as pd
import pytest
import yaml
from made_up_study import AXES, made_up

from robustprune.analysis.operating_points import operating_points, write_operating_points
from robustprune.errors import StudyError
from robustprune.gathering.asked import asked_columns


def sweep(**strengths) -> pd.DataFrame:
    """vib with strengths name=(params, validation error), beside dense at 1.5 %; test errors say the opposite."""
    parts = []
    for name, (params, error) in {"dense": (266610, 1.5), **strengths}.items():
        method = "dense" if name == "dense" else "vib"
        runs = made_up(methods=(method,), widths=(1.0,), initializations=("he_normal",))[0]
        spread = [error - 0.1, error, error + 0.1]
        own = {"start_of": None, "strength": name, "params_kept": params, "error_valid_percent": spread}
        parts.append(runs.assign(**own, error_test_percent=100 - error))
    return pd.concat(parts, ignore_index=True)


def chosen(runs):
    (point,) = operating_points(runs)
    return point["strength"]


def test_the_smallest_network_within_the_margin():
    runs = sweep(large=(100_000, 1.4), small=(30_000, 1.69), tiny=(10_000, 1.71))
    (point,) = operating_points(runs)
    assert (point["method"], point["strength"], point["bound_percent"]) == ("vib", "small", 1.7)
    assert [entry["strength"] for entry in point["strengths"]] == ["large", "small", "tiny"]
    assert point["strengths"][1] == {
        "strength": "small",
        "params_kept": 30000.0,
        "error_valid_percent": 1.69,
        "n": 3,
        "all_ok": True,
    }


def test_the_bound_itself_counts_and_test_errors_do_not():
    runs = sweep(large=(100_000, 1.4), small=(30_000, 1.7))
    assert chosen(runs) == "small"
    assert chosen(runs.assign(error_test_percent=0.0)) == "small"


def test_collapsed_networks_disqualify_and_none_may_fit():
    runs = sweep(small=(30_000, 1.6))
    runs.loc[runs["strength"] == "small", "status"] = ["ok", "collapsed", "ok"]
    assert chosen(runs) is None
    assert chosen(sweep(small=(30_000, 3.0))) is None


def test_controls_have_no_operating_point():
    runs = sweep(small=(30_000, 1.6))
    control = runs[runs["method"] == "vib"].assign(method="ticket", start_of="vib/small")
    points = operating_points(pd.concat([runs, control], ignore_index=True))
    assert [point["method"] for point in points] == ["vib"]


def test_what_is_missing_is_named():
    with pytest.raises(StudyError, match="no dense networks of lenet_300_100 on mnist"):
        operating_points(sweep(small=(30_000, 1.6)).query("method != 'dense'"))
    with pytest.raises(StudyError, match=r"training\.images: tuning"):
        operating_points(sweep(small=(30_000, 1.6)).assign(error_valid_percent=float("nan")))


def test_a_file_is_deterministic_and_not_overwritten_by_accident(tmp_path):
    runs = sweep(small=(30_000, 1.6))
    runs.drop(columns="start_of").to_csv(tmp_path / "runs.csv", index=False)
    details = runs[[*AXES, "replicate", "status"]].assign(**asked_columns({}, operating_point=False))
    details.to_csv(tmp_path / "details.csv", index=False)
    output = tmp_path / "operating_points.yaml"
    write_operating_points(tmp_path, output)
    first = output.read_bytes()
    assert yaml.safe_load(first)[0]["strength"] == "small"
    with pytest.raises(StudyError, match="exists already; give --force"):
        write_operating_points(tmp_path, output)
    write_operating_points(tmp_path, output, force=True)
    assert output.read_bytes() == first
