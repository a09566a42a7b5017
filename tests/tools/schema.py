#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owns the comparison of JSON with the installed schemas, more strictly than their users are told:
a member that no schema names is a fault of the schema. Knows nothing of what the JSON says.

	tests/tools/schema.py SCHEMA <LINES	each line is a document; SCHEMA of tools/schemas/
	tests/tools/schema.py --check		the schemas themselves
"""

import json
import os
import sys

import jsonschema

FOLDER = os.path.join(os.path.dirname(__file__), '..', '..', 'tools', 'schemas')
ERRORS_MAX = 5


def load(name):
	with open(os.path.join(FOLDER, name + '.json'), encoding='utf-8') as f:
		return json.load(f)


def strict(schema):
	"""The same schema, that allows no member which it does not name."""
	if isinstance(schema, list):
		return [strict(s) for s in schema]
	if not isinstance(schema, dict):
		return schema
	result = {k: strict(v) for k, v in schema.items()}
	if isinstance(schema.get('properties'), dict):
		result.setdefault('additionalProperties', False)
	return result


def validate(name, lines):
	validator = jsonschema.Draft202012Validator(strict(load(name)))
	n = faults = 0
	for line in lines:
		n += 1
		for e in validator.iter_errors(json.loads(line)):
			faults += 1
			if faults <= ERRORS_MAX:
				print(f'{name}: /{"/".join(map(str, e.absolute_path))}: {e.message[:200]}')
	if not n:
		print(f'{name}: there is no document')
	return n and not faults


def check():
	names = sorted(f[:-5] for f in os.listdir(FOLDER) if f.endswith('.json'))
	for name in names:
		schema = load(name)
		jsonschema.Draft202012Validator.check_schema(schema)
		if 'LGPL-2.1-or-later' not in schema['$comment'] or not schema['$id'].endswith(f'/{name}.json'):
			print(f'{name}: its $comment or $id is wrong')
			return False
	return bool(names)


def main():
	if sys.argv[1:] == ['--check']:
		return 0 if check() else 1
	return 0 if validate(sys.argv[1], sys.stdin) else 1


if __name__ == '__main__':
	sys.exit(main())
