"""Helm's own engine, asked by tests: an interpreter that has it runs this (`make deploy-tools`).

Standard input is a JSON object: `chart` (a folder), `values`, `name`, `namespace`. Standard output
is the manifests by template, or `error`; with `lint`, what `helm lint` finds. It imports nothing of
ours.
"""

import json
import sys

import helm_python


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    try:
        if asked.get("lint"):
            told = helm_python.lint(asked["chart"], asked["values"], strict=True)
        else:
            with helm_python.Chart.load(asked["chart"]) as chart:
                chart.validate_schema(asked["values"])
                told = chart.render(
                    asked["values"], name=asked["name"], namespace=asked["namespace"]
                )
    except helm_python.HelmError as error:
        told = {"error": str(error)}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
