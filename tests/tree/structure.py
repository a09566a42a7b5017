#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owns the rules of structure: a header declares what one .c file has, few files call each other
in a circle, no struct is everybody's, one file alone writes streams, rings alone are shared by
threads, each mutant finds its text. Knows nothing of what the code does.

	tests/tree/structure.py BUILD	BUILD/obj has the objects

Today's exceptions to a rule are listed, so that they cannot grow. Where it has become smaller,
the list has to follow.
"""

import os
import re
import subprocess
import sys

FOLDERS = ('proto', 'lowcomms', 'services', 'membership')
PUBLIC = re.compile(r'/sinew[a-z-]*\.h$')	# their functions lie where they belong

FIELDS_MAX, BOOLS_MAX = 30, 6

# Header: files whose functions it declares.
HEADERS = {
}

# Folder: the most files of a circle of calls.
CIRCLES = {
	'lowcomms': (4,),	# what the core asks for, connections, reading, sessions
	'membership': (3,),	# a file of nodes: what follows its names is released with it
}

# Struct: fields, booleans.
STRUCTS = {
	'proto/core.h core_config': (41, 5),	# a list of options
	'proto/link.h link': (39, 7),
	'proto/peer.h peer': (40, 6),
	'proto/profile.h profile': (17, 8),	# four traits, the others are of signatures
	'proto/ring.h ring': (34, 1),		# producer, shared, consumer: one block of memory
	'proto/session.h session': (47, 12),
	'services/calls_begin.h calls_begin': (15, 7),	# the options of a call
	'services/calls.h call': (38, 9),	# either side's, from its begin to its end
	'services/calls.h calls': (43, 8),	# two directions, and how they close
}

# Assertions in 100 functions, at least.
ASSERTIONS = {
	'proto': 54,
	'lowcomms': 50,
	'services': 50,
}

# Done by one file alone: how it looks there.
SOLE = {
	'writes a stream': r'->writev\(',
	'says that no more is written to a stream': r'ops->finish\(',
	'sends on a socket in a piece': r'\bsend\(',
	'receives from a socket': r'\brecv\(',
	'dials': r'->dial\(',
	'knows libusrsctp': r'<usrsctp\.h>|\busrsctp_\w+\(',
	'knows libsctp': r'<netinet/sctp\.h>',
}

# Done by one more.
SOLE_EXCEPT = {
	'dials': (2,),	# nodes, and the command, from their addresses and without one of them
}


def read(path):
	with open(path, encoding='utf-8') as f:
		return f.read()


def without_comments(text):
	text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
	return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def sources(folder, suffix):
	return [f'{folder}/{f}' for f in sorted(os.listdir(folder)) if f.endswith(suffix)]


# ---- headers ----

def declared(header):
	"""Functions, but those that the header itself has."""
	text = without_comments(read(header))
	found = set()
	for m in re.finditer(r'^[a-z][^;{}#=()]*?\b([a-z]\w*)\(([^;{}]|\n)*?\)[^;{}()]*'
			     r'(?:__attribute__\(.*?\)\)+)?\s*;', text, re.M):
		if not re.search(r'\b(typedef|static)\b', m.group(0)):
			found.add(m.group(1))
	return found


def owners(folder):
	"""Function to the file that has it."""
	result = {}
	for path in sources(folder, '.c'):
		text = without_comments(read(path))
		for m in re.finditer(r'^[a-z][^;{}#=]*?\b([a-z]\w*)\([^;{}]*\)\s*^\{', text, re.M):
			if not m.group(0).startswith('static'):
				result[m.group(1)] = path
	return result


def headers():
	for folder in FOLDERS:
		owner = owners(folder)
		for header in sources(folder, '.h'):
			if PUBLIC.search(header):
				continue
			files = sorted({owner[f] for f in declared(header) if f in owner})
			yield header, (len(files),), (1,), ' '.join(files)


# ---- circles ----

def symbols(build, folder, *options):
	"""(object, symbol) of a folder."""
	objects = [f'{build}/obj/{p[:-2]}.o' for p in sources(folder, '.c')]
	objects = [o for o in objects if os.path.exists(o)]
	out = subprocess.run(['nm', '-A', *options, *objects], check=True, text=True,
			     stdout=subprocess.PIPE).stdout
	for line in out.splitlines():
		path, _, rest = line.partition(':')
		words = rest.split()
		if len(words) >= 2 and words[-2] in 'TUDBRV':
			yield path, words[-1]


def calls(build, folder):
	where = {s: o for o, s in symbols(build, folder, '--defined-only', '-g')}
	graph = {o: set() for o in where.values()}
	for o, s in symbols(build, folder, '-u'):
		if s in where and where[s] != o:
			graph.setdefault(o, set()).add(where[s])
	return graph


def reachable(graph, begin):
	seen, todo = set(), [begin]
	while todo:
		for o in graph.get(todo.pop(), ()):
			if o not in seen:
				seen.add(o)
				todo.append(o)
	return seen


def circles(build):
	for folder in FOLDERS:
		graph = calls(build, folder)
		far = {o: reachable(graph, o) for o in graph}
		rings = [sorted(b for b in graph if b in far[a] and a in far[b]) for a in graph]
		names = max(rings, key=len)
		yield folder, (len(names),), (1,), ' '.join(os.path.basename(o) for o in names)


# ---- structs ----

def structs():
	for folder in FOLDERS:
		for path in sources(folder, '.h') + sources(folder, '.c'):
			if PUBLIC.search(path):
				continue
			text = without_comments(read(path))
			for m in re.finditer(r'^struct (\w+) \{\n(.*?)^\}', text, re.M | re.S):
				fields = bools = 0
				for line in re.findall(r'^\t[^;]*;', m.group(2), re.M):
					n = 1 if '(*' in line else line.count(',') + 1
					fields += n
					bools += n if re.search(r'\bbool\b', line) else 0
				yield f'{path} {m.group(1)}', (fields, bools), \
					(FIELDS_MAX, BOOLS_MAX), f'{fields} fields, {bools} booleans'


# ---- what one file does ----

def soles():
	texts = {path: without_comments(read(path)) for folder in FOLDERS
		 for path in sources(folder, '.c') + sources(folder, '.h')}
	for what, pattern in SOLE.items():
		files = sorted(p for p, text in texts.items() if re.search(pattern, text))
		# A rule that finds nobody looks for the wrong thing.
		yield what, (len(files) or 2,), (1,), ' '.join(files) or 'nobody'


# ---- what threads share ----

def atomics():
	"""In the core nothing but what is queued to be sent is read by two threads at once."""
	for path in sources('proto', '.c') + sources('proto', '.h'):
		words = re.findall(r'\b_Atomic\b|\batomic_\w+', without_comments(read(path)))
		if words and not os.path.basename(path).startswith(('ring', 'bare')):
			yield f'{path}: {" ".join(words)}'


# ---- assertions ----

ASSERTION = re.compile(r'\b(?:assert|_Static_assert|lock_order_held|lock_order_none)\(')


def count_assertions(folder):
	"""Functions, assertions: those of the compiler count, and those of locks."""
	functions = found = 0
	for path in sources(folder, '.c') + sources(folder, '.h'):
		text = without_comments(read(path))
		functions += len(re.findall(r'\)\n\{$', text, re.M))
		# Not where one of them is made.
		found += sum(1 for line in text.splitlines()
			     if ASSERTION.search(line) and not line.startswith(('void', 'static inline')))
	return functions, found


def assertions():
	for folder, least in ASSERTIONS.items():
		functions, found = count_assertions(folder)
		if found * 100 < functions * least:
			yield f'{folder}: {found} in {functions} functions, at least {least} in 100'


def products(build):
	"""What is installed asserts nothing, what is tested does."""
	for path, expected in (('libsinew.a', False), ('inside.a', False), ('checked.a', True)):
		path = f'{build}/{path}'
		if not os.path.exists(path):
			continue
		out = subprocess.run(['nm', path], check=True, text=True, stdout=subprocess.PIPE,
				     stderr=subprocess.DEVNULL).stdout
		if (re.search(r'\bU __assert', out) is not None) != expected:
			yield f'{path}: {"no assertion" if expected else "an assertion"}'


# ---- mutants ----

def mutants():
	"""The text of each mutant stands exactly once in its file."""
	for entry in re.split(r'^@ ', read('tests/mutants/list.txt'), flags=re.M)[1:]:
		name, path, _ = (word.strip() for word in entry.split('\n', 1)[0].split('|'))
		old = '\n'.join(re.findall(r'^- (.*)$', entry, flags=re.M))
		n = read(path).count(old)
		if n != 1:
			yield f'{name}: its text stands {n} times in {path}'


# ---- verdicts ----

def judge(name, found, listed):
	"""What is above its limit is listed, as it is; nothing else is."""
	wrong = []
	known = dict(listed)
	for what, size, most, text in found:
		limit = known.pop(what, most)
		above = any(s > m for s, m in zip(size, most))
		if any(s > m for s, m in zip(size, limit)):
			wrong.append(f'{what}: {text}; at most {" and ".join(map(str, limit))}')
		elif what in listed and (not above or size != tuple(limit)):
			wrong.append(f'{what}: {text}; the list in tests/tree/structure.py says '
				     f'{" and ".join(map(str, limit))}')
	wrong += [f'{what} is gone, and still listed' for what in known]
	return verdict(name, wrong)


def verdict(name, wrong):
	for line in wrong:
		print('# ' + line)
	print(f'not ok - {name}: {wrong[0]}' if wrong else f'ok - {name}')
	return not wrong


def main():
	good = judge('a_header_declares_what_one_file_has', headers(), HEADERS)
	good &= judge('few_files_call_in_a_circle', circles(sys.argv[1]), CIRCLES)
	good &= judge('no_struct_is_everybodys', structs(), STRUCTS)
	good &= judge('one_file_alone_does_it', soles(), SOLE_EXCEPT)
	good &= verdict('queues_alone_have_atomics', list(atomics()))
	good &= verdict('assertions_are_many', list(assertions()))
	good &= verdict('mutants_have_a_place', list(mutants()))
	good &= verdict('products_assert_nothing', list(products(sys.argv[1])))
	return 0 if good else 1


if __name__ == '__main__':
	sys.exit(main())
