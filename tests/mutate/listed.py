# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owns the reading of tests/mutants/list.txt, and what a mutant of it is. Knows nothing of how
mutants are built or judged (run.py)."""

import difflib
import sys

LIST = 'tests/mutants/list.txt'


def read(path):
	with open(path, encoding='utf-8') as f:
		return f.read()


class Listed:
	"""Has a name; its text stands once in the file, and a broken one takes its place."""
	kind = 'listed'
	nth = 0

	def __init__(self, name, path):
		self.label = name
		self.path = path
		self.text = read(path)
		self.old = self.new = ''
		self.verdict = None
		self.seen_by = set()	# checks of the core that failed

	def end(self):
		# The last line may go on.
		self.old = self.old.removesuffix('\n')
		self.new = self.new.removesuffix('\n')

	def name(self):
		return f'{self.label} ({self.path})'

	def keys(self):
		"""An entry of `equal` never names it."""
		return []

	def mutated(self):
		return self.text.replace(self.old, self.new)

	def patch(self):
		return ''.join(difflib.unified_diff(self.text.splitlines(True),
						    self.mutated().splitlines(True),
						    'a/' + self.path, 'b/' + self.path, n=2))


def load(names):
	"""Those of that name, or with "all" every one."""
	found = []
	for line in read(LIST).splitlines(True):
		if line.startswith('@ '):
			name, path, _ = (word.strip() for word in line[2:].split('|'))
			found.append(Listed(name, path))
		elif line.startswith('- '):
			found[-1].old += line[2:]
		elif line.startswith('+ '):
			found[-1].new += line[2:]
	for m in found:
		m.end()
	if names != ['all']:
		unknown = set(names) - {m.label for m in found}
		found = [m for m in found if m.label in names]
		if unknown:
			sys.exit(f'{LIST}: no such mutant: {" ".join(sorted(unknown))}')
	wrong = [f'{m.label}: its text stands {m.text.count(m.old)} times in {m.path}'
		 for m in found if m.text.count(m.old) != 1]
	if wrong:
		sys.exit(LIST + ': ' + '\n'.join(wrong))
	return found
