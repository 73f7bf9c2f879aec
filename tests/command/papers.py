"""Holds bills of materials against their formats' own validators: spdx-tools and the strict one of cyclonedx-python-lib.

Arguments: files. A line for each: its name, how many packages or components it tells of, and what is wrong with it. Ends with 1 if anything is.
"""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def spdx(path):
    document = parse_file(path)
    return len(document.packages), [m.validation_message for m in validate_full_spdx_document(document, "SPDX-2.3")]


def cyclonedx(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return len(json.loads(text)["components"]), [] if error is None else [str(error)[:2000]]


wrong = 0
for path in sys.argv[1:]:
    count, problems = (spdx if path.endswith(".spdx.json") else cyclonedx)(path)
    print(path, count, *problems, sep="\n  ")
    wrong += len(problems)
sys.exit(1 if wrong else 0)
