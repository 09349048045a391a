"""Which cells are looked into while they train, and which have a price to compare with."""

import pytest

from robustprune.errors import StudyError
from robustprune.study.cells import Cell
from robustprune.study.priced import priced_cells
from robustprune.study.probed import probed_cells
from robustprune.study.related import watched_cells

NEVER = {"price": 1e-3, "removal_at": "never"}
BALL = {"price": 1e-3, "ball": {"norm": "mars", "radius": 0.5}}


def cells(*settings):
    """Cells of one strength, a width each."""
    made = [
        Cell(
            dataset="digits",
            architecture="lenet_300_100",
            method="bernoulli",
            strength="own",
            width=number + 1,
            replicates=1,
            settings=given,
        )
        for number, given in enumerate(settings)
    ]
    return {cell.key: cell for cell in made}


@pytest.mark.parametrize(("choose", "inside"), [(probed_cells, NEVER), (watched_cells, BALL)])
def test_a_strength_belongs_to_one_rule(choose, inside):
    assert len(choose(cells(inside, inside))) == 2
    with pytest.raises(StudyError, match=r"width-1 is looked into .*width-2 is not, but both have the strength 'own'"):
        choose(cells(inside, {"price": 1e-3}))


def test_networks_with_sections_have_no_price_to_compare_with():
    chain = cells({"price": 1e-3}, {"cost": "complexity", "nu": 0.1})
    deep = next(iter(chain.values())).model_copy(update={"architecture": "mlp_residual", "depth": 2})
    assert list(priced_cells(chain | {"deep": deep})) == [next(iter(chain))]
