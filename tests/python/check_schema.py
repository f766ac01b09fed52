"""Checks files of settings against a JSON schema.

Usage: check_schema.py SCHEMA FILE...

Prints a line a file: `valid`, or `refused`, the place in the file and what is wrong there. Fails if the
schema itself is none.
"""

import json
import sys
from pathlib import Path

import jsonschema

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

schema = json.loads(Path(sys.argv[1]).read_text())
validator = jsonschema.validators.validator_for(schema)
assert validator is jsonschema.Draft7Validator, "editors of TOML read draft 7"
validator.check_schema(schema)
for name in sys.argv[2:]:
    error = jsonschema.exceptions.best_match(
        validator(schema).iter_errors(tomllib.loads(Path(name).read_text()))
    )
    place = "" if error is None else ".".join(str(part) for part in error.absolute_path)
    print("valid" if error is None else f"refused {place}: {error.message}")
