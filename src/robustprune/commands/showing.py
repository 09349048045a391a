"""Tables, figures, comparisons."""

import argparse

from robustprune.errors import StudyError


def tables(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.tables import write_tables

    for path in write_tables(arguments.source, arguments.output, arguments.confidence, arguments.names):
        print(path)


def figure(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.figures import draw_figures, draw_theory

    methods = arguments.methods.split(",") if arguments.methods else None
    given = (arguments.confidence, methods, arguments.over)
    if arguments.source is None:
        written = [path for name in arguments.names for path in draw_theory(name, arguments.output)]
    else:
        written = draw_figures(arguments.names, arguments.source, arguments.output, *given)
    for path in written:
        print(path)


def check(arguments: argparse.Namespace) -> int:
    from robustprune.analysis.check import FAILED, write_check

    answer, passed = write_check(arguments.source, arguments.reference, arguments.output, arguments.confidence)
    print(answer)
    return 0 if passed else FAILED


def page(arguments: argparse.Namespace) -> None:
    try:
        from robustprune.page.write import write_page
    except ModuleNotFoundError as error:
        raise StudyError(f"the page needs {error.name}: pip install 'robustprune[workflow]'") from None

    print(write_page(arguments.part, arguments.output, arguments.confidence, arguments.check))
