"""What type checkers see of the public face; a test holds it to HOMES in __init__.py."""

from robustprune.analysis.read import Collected as Collected
from robustprune.analysis.read import read_collected
from robustprune.data.datasets import Dataset as Dataset
from robustprune.data.datasets import load
from robustprune.data.npy_folder import NpyFolder as NpyFolder
from robustprune.data.reader import DatasetReader as DatasetReader
from robustprune.engine.programs import read_order as read_order
from robustprune.engine.running import run_cell as run_cell
from robustprune.errors import StudyError as StudyError
from robustprune.gathering.export import load_network as load_network
from robustprune.gathering.export import read_exported as read_exported
from robustprune.methods.parts.base import Context as Context
from robustprune.methods.parts.base import Method as Method
from robustprune.methods.parts.base import incoming_norm as incoming_norm
from robustprune.methods.parts.criterion import Criterion as Criterion
from robustprune.methods.parts.criterion import over_slot_mean as over_slot_mean
from robustprune.methods.parts.estimators import spread as spread
from robustprune.methods.parts.moment import Moment as Moment
from robustprune.methods.parts.phased import PhasedGates as PhasedGates
from robustprune.methods.parts.phased import PhaseSettings as PhaseSettings
from robustprune.methods.parts.schedule import ScheduleSettings as ScheduleSettings
from robustprune.networks.architecture import Architecture as Architecture
from robustprune.networks.architecture import Layer as Layer
from robustprune.networks.architecture import OfAnyDepth as OfAnyDepth
from robustprune.networks.architecture import Slot as Slot
from robustprune.networks.sections import bottlenecks as bottlenecks
from robustprune.starts.parts.base import Start as Start
from robustprune.starts.parts.base import StartContext as StartContext
from robustprune.starts.parts.control import Control as Control
from robustprune.starts.parts.registry import check_cell as check_cell
from robustprune.study.cells import Cell as Cell
from robustprune.study.cells import study_cells as study_cells
from robustprune.study.config import StudyConfig as StudyConfig
from robustprune.study.config import load_study as load_study
from robustprune.study.data_settings import DataSettings as DataSettings
from robustprune.study.strict import Strict
from robustprune.study.training_settings import TrainingSettings as TrainingSettings

Settings = Strict
load_dataset = load
read_results = read_collected
__version__: str
