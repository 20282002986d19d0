"""``python -m tests.bench NAME`` prints one JSON line of ratios; what follows NAME is for the bench."""

import importlib
import json
import pkgutil
import sys

import tests.bench


def main() -> int:
    """Run the named bench; without a name, say which there are."""
    names = sorted(m.name for m in pkgutil.iter_modules(tests.bench.__path__) if not m.name.startswith("_"))
    # ``import`` is a word of the language, so its module has another name.
    known = ["import" if name == "import_" else name for name in names]
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        print(f"usage: python -m tests.bench NAME, one of: {', '.join(known)}", file=sys.stderr)
        return 2
    name = sys.argv[1]
    result = importlib.import_module(f"tests.bench.{'import_' if name == 'import' else name}").run(
        *sys.argv[2:]
    )
    print(json.dumps({"bench": name, **result}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
