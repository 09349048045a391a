"""Tables, figures, comparisons."""

import argparse


def tables(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.tables import write_tables

    for path in write_tables(arguments.source, arguments.output, arguments.confidence, arguments.names):
        print(path)


def figure(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.figures import draw_figure

    methods = arguments.methods.split(",") if arguments.methods else None
    given = (arguments.confidence, methods, arguments.over)
    for path in draw_figure(arguments.name, arguments.source, arguments.output, *given):
        print(path)


def compare(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.consistency import write_consistency

    print(write_consistency(arguments.source, arguments.reference, arguments.output))


def claims(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.claims import write_claims
    from robustprune.study.config import load_study

    print(write_claims(load_study(arguments.config).claims, arguments.source, arguments.output).to_string(index=False))
