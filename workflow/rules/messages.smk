import time

from robustprune.gathering.summary import beginning, ending
from robustprune.study.config import save_study

BEGUN = time.time()


def show_ending():
    """Print what the run came to; the search may have added operating points since it began."""
    for line in ending(validate_study(config, "configuration"), BEGUN):
        print(line, file=sys.stderr)


onstart:
    # the merged configuration, so that every logged command can be run again by hand; the jobs follow its changes
    # through their params
    # points are read from the file of the search: it may find those of other methods while jobs run
    own = {"operating_points": ()} if SEARCHES else {}
    save_study(STUDY.model_copy(update=own), CONFIG_FILE)
    if SEARCHES:
        save_study(SEARCH, Path(SEARCH_ROOT, "config.yaml"))
    print(beginning(CONFIG_FILE), file=sys.stderr)


onsuccess:
    show_ending()


onerror:
    show_ending()
