#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owns the drawing of mutants from a seed, the building of these and of the listed ones
(listed.py), and their judgement by the tests. Knows nothing of what the tests check, nor how C
is read (sites.py).

	make mutate N=200 SEED=1 [DIRS="proto"] [JOBS=2] [TEXT=l->kept]
	make mutate FILE="proto/link.c services/topo*"	only in files of these patterns
	make mutate LISTED=all		those of tests/mutants/list.txt, which must all die
	make mutate LISTED="early-data no-tomb"
	make mutate AGAIN=OUTPUT	only those that live in the output of another run
	make mutate BY=sim:100	only these tests judge, in the words of `order`
	make mutate RECORD=1 BY=sim:100	failed assertions are only said: who sees what alone

A mutant is one changed object in a shared library that all tests are linked to, so that
nothing else is built for it. Which tests judge it, from cheap to dear, is in `order`; those
that change nothing are in `equal`, and are not counted. A test that fails without a mutant judges
none. The last lines are how many the checks of proto/check.c saw, the score, and
`N passed, N failed`: it fails if the score is below the least that is asked for. Each of the
listed ones is a result of its own; recorded digests judge none of them, long runs of the simulator
do, and each must die twice of the same test.
"""

import argparse
import collections
import difflib
import fnmatch
import glob
import hashlib
import math
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import listed  # noqa: E402
import sites  # noqa: E402

HERE = 'tests/mutate'
NOT_MUTATED = {'proto/check.c', 'proto/check.h', 'services/topo_check.c',
	       'services/topo_check.h', 'services/calls_check.c',
	       'membership/view_check.c'}	# part of the tests
COPIED = ('proto', 'lowcomms', 'services', 'membership', 'tests', 'tools')
MEMORY_MAX = 6 << 30
FILE_MAX = 512 << 20
TIME_OWN = 4		# a hang: so many times what the test takes without a mutant,
TIME_MORE = 4		# and so many seconds more
TIME_ALONE = 300	# seconds for a test without a mutant
WAIT_LIMIT = '15'	# a wait in a test that is a script
# The last judges of the listed ones: no seed is spared.
LAST = {'proto': ['sim:2000', 'view:2000'], 'membership': ['view:2000'],
	'services': ['calls:500', 'view:500']}
CHECK_SAW = re.compile(r'proto/check\.c:\d+: (\w+?)_\w+: Assertion')
SURVIVORS = 'survivors, in the form of tests/mutate/equal:'


def read(path):
	with open(path, encoding='utf-8', errors='replace') as f:
		return f.read()


def write(path, text):
	with open(path, 'w', encoding='utf-8') as f:
		f.write(text)


# ---- what is drawn ----

class Mutant:
	def __init__(self, path, text, site, nth):
		self.path = path
		self.text = text
		self.site = site
		self.kind = site.kind
		self.old, self.new = sites.statement_of(text, site)
		self.nth = nth		# of the same mutation in the same function
		self.verdict = None
		self.seen_by = set()	# checks of the core that failed

	def name(self):
		line = self.text.count('\n', 0, self.site.at) + 1
		return f'{self.path}:{line} {self.site.function}(): {self.site.kind}'

	def keys(self):
		"""As an entry of `equal` may name it."""
		return [(self.path, f, self.old, self.new) for f in (None, self.site.function)]

	def rank(self, seed):
		"""Depends on nothing but its own words: what else changes moves no draw."""
		key = (seed, self.path, self.site.function, self.old, self.new, self.nth)
		return hashlib.sha256(repr(key).encode()).digest()

	def mutated(self):
		return sites.mutate(self.text, self.site)

	def patch(self):
		return ''.join(difflib.unified_diff(self.text.splitlines(True),
						    self.mutated().splitlines(True),
						    'a/' + self.path, 'b/' + self.path, n=2))


def mutants_of(path):
	text = read(path)
	seen = {}
	result = []
	for site in sites.sites_of(text):
		m = Mutant(path, text, site, 0)
		key = (site.function, m.old, m.new)
		m.nth = seen.get(key, 0)
		seen[key] = m.nth + 1
		result.append(m)
	return result


def draw(dirs, only, words, seed):
	paths = [os.path.join(d, f) for d in dirs for f in sorted(os.listdir(d))
		 if f.endswith(('.c', '.h')) and os.path.join(d, f) not in NOT_MUTATED]
	if only:
		paths = [p for p in paths if any(fnmatch.fnmatch(p, o) for o in only)]
	found = [m for p in paths for m in mutants_of(p) if words in m.old]
	return sorted(found, key=lambda m: m.rank(seed))


def load_entries(text, name):
	"""(file, function or none, statement, mutated statement) to the number of its line."""
	entries = {}
	path = function = old = None
	for number, line in enumerate(text.splitlines(), 1):
		if line.startswith('@ '):
			path, function = (line[2:].split() + [None])[:2]
		elif line.startswith('- '):
			old = line[2:].strip()
		elif line.startswith('+ '):
			entries[(path, function, old, line[2:].strip())] = number
		elif line and not line.startswith(('#', '\t')):
			sys.exit(f'{name}:{number}: found {line!r}, expected "@ FILE", "- ", '
				 '"+ ", a tab and the reason, or "#"')
	return entries


def load_equal():
	return load_entries(read(HERE + '/equal'), HERE + '/equal')


def load_survivors(path):
	"""Those that the output of another run lists."""
	part = read(path).partition(SURVIVORS + '\n')[2].partition('\n\n')[0]
	return load_entries(part, path)


def dead_entries(entries):
	"""Those whose statement has gone from the code."""
	known = set()
	for path in {e[0] for e in entries}:
		if os.path.exists(path):
			for m in mutants_of(path):
				known |= set(m.keys())
	return [e for e in entries if e not in known]


# ---- building ----

def by_test(variable):
	"""The words of each test, in a variable of the form TEST: WORD...; TEST: ..."""
	found = {}
	for test in os.environ[variable].split(';'):
		name, _, words = test.partition(':')
		found[name.strip()] = words.split()
	return found


class Build:
	"""What the makefile has made: objects, the library's list, programs."""
	def __init__(self, root):
		self.root = root
		self.obj = root + '/obj'
		self.flags = shlex.split(os.environ['MUTATE_CC'])
		self.gnu = shlex.split(os.environ['MUTATE_GNU'])
		self.libs = shlex.split(os.environ['MUTATE_LIBS'])
		self.tool_libs = shlex.split(os.environ['MUTATE_TOOL_LIBS'])
		self.objects = os.environ['MUTATE_OBJS'].split()
		# Tests in whose link calls are wrapped: those of the library, too, so that it is no
		# shared one there.
		self.wrapped = by_test('MUTATE_WRAPPED')
		self.linked_with = by_test('MUTATE_WITH')	# objects beside that of the test
		self.members = os.environ['MUTATE_MEMBERS'].split()	# of the library of the tests
		self.dependents = {}	# header to the objects that read it

	def learn_headers(self):
		for folder, _, files in os.walk(self.obj):
			for name in files:
				if not name.endswith('.d'):
					continue
				path = os.path.join(folder, name)
				rule = read(path).split('\n\n')[0].split('\n%s' % '\t')[0]
				words = rule.replace('\\\n', ' ').split()
				for header in words[2:]:
					if header.endswith('.h'):
						self.dependents.setdefault(header, set()).add(
							path[:-2] + '.o')

	def source_of(self, obj):
		return os.path.relpath(obj, self.obj)[:-2] + '.c'

	def object_of(self, path):
		return os.path.join(self.obj, path[:-2] + '.o')


class Worker:
	"""A copy of the sources in which one mutant at a time lives."""
	def __init__(self, build, index):
		self.build = build
		self.dir = os.path.abspath(f'{build.root}/w{os.getpid()}-{index}')
		self.src = self.dir + '/src'
		self.log = self.dir + '/log'
		shutil.rmtree(self.dir, ignore_errors=True)
		os.makedirs(self.src)
		for d in COPIED:
			shutil.copytree(d, f'{self.src}/{d}', symlinks=True,
					ignore=shutil.ignore_patterns('corpus', 'golden'))
		self.changed = {}	# object of the build to ours
		self.mutant = self.sim = self.library = None

	def compile(self, obj):
		source = self.build.source_of(obj)
		out = os.path.join(self.dir, os.path.relpath(obj, self.build.obj))
		os.makedirs(os.path.dirname(out), exist_ok=True)
		flags = self.build.flags + ([] if source.startswith('proto/') else self.build.gnu)
		r = subprocess.run(flags + ['-w', '-c', '-o', out, source], cwd=self.src,
				   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
		return out if r.returncode == 0 else None

	def make(self, m):
		"""None, or why it cannot be judged."""
		self.restore()
		self.mutant = m
		write(f'{self.src}/{m.path}', m.mutated())
		return self.make_objects(m)

	def restore(self):
		if self.mutant:
			write(f'{self.src}/{self.mutant.path}', self.mutant.text)
		self.mutant = self.library = None

	def make_objects(self, m):
		self.changed = {}
		wanted = [self.build.object_of(m.path)] if m.path.endswith('.c') else \
			[o for o in sorted(self.build.dependents.get(m.path, ()))
			 if not os.path.relpath(o, self.build.obj).startswith('tools/')]
		lib = set(self.build.objects)
		for obj in sorted(wanted, key=lambda o: o not in lib):
			if obj not in lib and '/sim/' not in obj:
				continue	# a test: when its turn comes
			out = self.compile(obj)
			if not out:
				return 'do not compile'
			if not same(out, obj):
				self.changed[obj] = out
		return None if self.changed else 'are the same object'

	def objects(self):
		"""Of the library, with what the mutant has changed."""
		changed = self.changed if self.mutant else {}
		return [changed.get(o, os.path.abspath(o)) for o in self.build.objects]

	def run_cc(self, out, *words):
		subprocess.run([self.build.flags[0], '-pthread', '-o', out, *words], check=True)

	def link(self):
		lib = self.dir + '/libmutant.so'
		self.run_cc(lib, '-shared', '-Wl,-soname,libmutant.so', *self.objects(),
			    *self.build.libs)
		sim = [o for o in self.changed if '/sim/' in o]
		self.sim = None
		if sim:
			self.sim = self.dir + '/sim'
			mine = [self.changed.get(os.path.join(f, n), os.path.join(f, n))
				for f, _, names in os.walk(self.build.obj + '/tests/sim')
				for n in names if n.endswith('.o')]
			self.run_cc(self.sim, *mine, lib, '-lm')

	def own(self, obj):
		"""An object of the tests: that of the build, or ours if it reads the mutated header."""
		if self.mutant and obj in self.build.dependents.get(self.mutant.path, ()):
			own = self.compile(obj)
			if own and not same(own, obj):
				return own
		return obj

	def tests_a(self):
		"""The library of the tests, with the members that the mutant changes."""
		if self.library:
			return self.library
		self.library = self.build.root + '/tests/libtest.a'
		changed = [own for obj in self.build.members if (own := self.own(obj)) != obj]
		if changed:
			shutil.copy(self.library, self.dir)
			self.library = self.dir + '/libtest.a'
			subprocess.run(['ar', 'r', self.library, *changed], check=True)
		return self.library

	def program(self, name):
		"""The test of that name: its own, if it reads the header that is mutated, or wraps calls
		of the library."""
		built = f'{self.build.root}/tests/{name}'
		objects = [*glob.glob(f'{self.build.obj}/tests/*/{name}.o'),
			   *self.build.linked_with.get(name, ())]
		wrapped = self.build.wrapped.get(name)
		own = [self.own(obj) for obj in objects] + [self.tests_a()]
		if not wrapped and own == objects + [self.build.root + '/tests/libtest.a']:
			return built
		program = f'{self.dir}/{name}'
		lib = self.objects() + self.build.libs if wrapped else [self.dir + '/libmutant.so']
		self.run_cc(program, *own, self.build.root + '/tools.a', *lib,
			    *(f'-Wl,--wrap={call}' for call in wrapped or ()),
			    '-Wl,--as-needed', *self.build.tool_libs)
		return program


def same(a, b):
	with open(a, 'rb') as f, open(b, 'rb') as g:
		return f.read() == g.read()


# ---- tests ----

class Order:
	"""Which tests judge a file, and how long each takes without a mutant."""
	def __init__(self, build, only, of_list):
		self.build = build
		self.only = only	# tests that judge in place of those of the list
		self.listed = of_list	# what is judged
		self.lines = []
		self.took = {}		# test to seconds
		self.first = {}		# file to the tests that killed there, newest first
		self.lock = threading.Lock()
		for line in read(HERE + '/order').splitlines():
			words = line.split()
			if words and not line.startswith('#'):
				self.lines.append((words[0], words[1:]))

	def of(self, path):
		if self.only:
			return self.only
		tests = list(self.first.get(path, ()))
		cheap = {t for t in self.took if self.took[t] < 1}
		tests = [t for t in tests if t in cheap]
		for pattern, more in self.lines:
			if fnmatch.fnmatch(path, pattern):
				tests += [t for t in more if t not in tests]
		if self.listed:
			tests = [t for t in tests if t != 'digests'] + LAST.get(path.split('/')[0], [])
		return tests

	def killed(self, path, test):
		with self.lock:
			known = self.first.setdefault(path, [])
			if test in known:
				known.remove(test)
			known.insert(0, test)


SIMULATED = {'sim': [], 'view': ['--view'], 'calls': ['--calls'], 'topo': ['--topo']}


def command_of(build, worker, test):
	word, _, more = test.partition(':')
	if word in SIMULATED:
		sim = worker.sim or build.root + '/tests/sim'
		return [sim, *SIMULATED[word], '--seeds', more, '--jobs', '1']
	if word == 'digests':
		return [worker.sim or build.root + '/tests/sim', '--digests']
	if word.endswith('.sh'):
		return ['bash', 'tests/' + word]
	return [worker.program(word)]


def limits(cpu):
	def apply():
		os.setsid()
		resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
		resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
		resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MAX, FILE_MAX))
		if cpu:
			resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
	return apply


def end_session(pid):
	try:
		os.killpg(pid, signal.SIGKILL)
	except ProcessLookupError:
		pass


def wait_for(p, log, limit):
	"""(status, why): until it ends, has failed or takes too long."""
	until = time.monotonic() + limit
	while True:
		try:
			status = p.wait(timeout=0.5)
			return status, f'status {status}' if status > 0 else f'signal {-status}'
		except subprocess.TimeoutExpired:
			if any(line.startswith('not ok') for line in read(log).splitlines()):
				return 1, 'the first failure'
			if time.monotonic() > until:
				return 1, 'a hang'


def run_test(build, worker, test, lib, limit):
	"""(passed, why, seconds). limit: None without a mutant."""
	env = dict(os.environ, LD_LIBRARY_PATH=lib, BUILD=build.root, SKIPS='allowed')
	if limit:
		env['WAIT_LIMIT'] = WAIT_LIMIT
	began = time.monotonic()
	with open(worker.log, 'wb') as out:
		p = subprocess.Popen(command_of(build, worker, test), stdin=subprocess.DEVNULL,
				     stdout=out, stderr=subprocess.STDOUT, env=env,
				     preexec_fn=limits(int(limit) + 1 if limit else 0))
		status, why = wait_for(p, worker.log, limit or TIME_ALONE)
		end_session(p.pid)
		p.wait()
	return status == 0, why, time.monotonic() - began


def what_failed(worker):
	lines = read(worker.log).splitlines()
	said = [line for line in lines if 'Assertion' in line or 'impossible' in line] + \
		[line for line in lines if line.startswith(('not ok', 'seed'))]
	return said[0].strip()[:110] if said else ''


class Judge:
	def __init__(self, build, order):
		self.build = build
		self.order = order
		self.measuring = threading.Lock()

	def measure(self, worker, test):
		"""How long it takes without a mutant; infinite where it fails."""
		# Tests in scripts leave this folder.
		lib = os.path.abspath(self.build.root)
		kept = worker.sim, worker.mutant, worker.library
		worker.sim = worker.mutant = worker.library = None
		for _ in range(2):	# beside others it may have had no time
			good, why, took = run_test(self.build, worker, test, lib, None)
			if good:
				break
		worker.sim, worker.mutant, worker.library = kept
		if good:
			return took
		print(f'{test} fails without a mutant ({why}), and judges none:\n' +
		      read(worker.log), file=sys.stderr)
		return math.inf

	def limit(self, worker, test, anew=False):
		with self.measuring:
			took = self.order.took.get(test)
			if took is None or anew:
				took = self.measure(worker, test)
				self.order.took[test] = took
		return took * TIME_OWN + TIME_MORE

	def judge(self, worker, m):
		"""The test that kills it and why, or None."""
		for test in self.order.of(m.path):
			limit = self.limit(worker, test)
			if limit == math.inf:
				continue
			good, why, took = run_test(self.build, worker, test, worker.dir, limit)
			m.seen_by |= set(CHECK_SAW.findall(read(worker.log)))
			if not good and self.is_unsure(worker, test, why, took, limit):
				good, why = self.again(worker, test)
			if not good:
				self.order.killed(m.path, test)
				return f'{test} ({what_failed(worker) or why})'
		return None

	def is_unsure(self, worker, test, why, took, limit):
		"""What takes long may be the machine: then it takes longer without a mutant, too."""
		if why == 'a hang':
			return self.limit(worker, test, anew=True) > limit
		return took > 5 or self.order.listed

	def again(self, worker, test):
		limit = self.limit(worker, test)
		if limit == math.inf:
			return True, ''
		return run_test(self.build, worker, test, worker.dir, limit)[:2]


# ---- the run ----

class Run:
	def __init__(self, args, build):
		self.args = args
		self.build = build
		if args.listed:
			self.queue = listed.load(args.listed)
			args.n = len(self.queue)
		else:
			self.queue = draw(args.dirs, args.file, args.text, args.seed)
		if args.again:
			only = load_survivors(args.again)
			self.queue = [m for m in self.queue if any(k in only for k in m.keys())]
		self.equal = load_equal()
		self.judge = Judge(build, Order(build, args.by.split(), bool(args.listed)))
		self.lock = threading.Condition()
		self.next = self.turn = self.accepted = 0
		self.done = []
		self.broke = False
		self.skipped = {'do not compile': 0, 'are the same object': 0, 'equal': 0}
		self.began = time.monotonic()

	def take(self):
		with self.lock:
			i = self.next
			self.next += 1
		return i

	def accept(self, i, why_not):
		"""In the order of the draw, whichever is compiled first."""
		with self.lock:
			while self.turn != i and not self.broke:
				self.lock.wait()
			if why_not:
				self.skipped[why_not] += 1
			taken = not why_not and self.accepted < self.args.n
			self.accepted += taken
			self.turn += 1
			self.lock.notify_all()
			return taken

	def work(self, worker):
		"""What fails here is a fault of ours: the score of the others says nothing."""
		try:
			self.draw(worker)
		except Exception:
			traceback.print_exc()
			with self.lock:
				self.broke = True
				self.lock.notify_all()

	def draw(self, worker):
		while not self.broke and self.accepted < self.args.n and not self.too_late():
			i = self.take()
			if i >= len(self.queue):
				self.accept(i, 'equal')
				return
			m = self.queue[i]
			why_not = None
			if any(k in self.equal for k in m.keys()):
				why_not = 'equal'
			else:
				why_not = worker.make(m)
			if self.accept(i, why_not):
				self.one(worker, m)

	def too_late(self):
		return self.args.seconds and time.monotonic() - self.began > self.args.seconds

	def one(self, worker, m):
		began = time.monotonic()
		worker.link()
		m.verdict = self.judge.judge(worker, m)
		took = time.monotonic() - began
		with self.lock:
			self.done.append(m)
			verdict = f'killed by {m.verdict}' if m.verdict else 'LIVES'
			print(f'[{len(self.done)}/{self.args.n}] {m.name()}: {verdict} ({took:.1f} s)',
			      flush=True)
			if not m.verdict:
				print(m.patch(), flush=True)

	def all(self):
		workers = [Worker(self.build, i) for i in range(self.args.jobs)]
		threads = [threading.Thread(target=self.work, args=(w,), daemon=True)
			   for w in workers]
		for t in threads:
			t.start()
		for t in threads:
			t.join()
		for w in workers:
			shutil.rmtree(w.dir, ignore_errors=True)


def report_listed(run, killed, took):
	"""One that was not judged is one that lives."""
	for m in run.queue:
		if not m.verdict:
			print(f'not ok - mutant {m.label} lives' if m in run.done else
			      f'not ok - mutant {m.label} cannot be judged')
	print(f'{killed} of {len(run.queue)} killed, {took:.0f} s')
	print(f'{killed} passed, {len(run.queue) - killed} failed')
	return killed == len(run.queue)


def report(run):
	lives = [m for m in run.done if not m.verdict]
	n = len(run.done)
	if lives and not run.args.listed:
		print('\n' + SURVIVORS)
		for m in lives:
			print(f'@ {m.path} {m.site.function}\n- {m.old}\n+ {m.new}')
	per_kind = {}
	for m in run.done:
		k = per_kind.setdefault(m.path.split('/')[0] + ' ' + m.kind, [0, 0])
		k[m.verdict is None] += 1
	print()
	for k in sorted(per_kind):
		print(f'{k:24} {per_kind[k][0]:4} killed, {per_kind[k][1]} live')
	seen = collections.Counter(check for m in run.done for check in m.seen_by)
	print('seen by the checks of ' +
	      ', '.join(f'{k}s: {seen[k]}' for k in ('ring', 'session', 'link', 'peer', 'core')))
	print('not counted: ' + ', '.join(f'{v} {k}' for k, v in run.skipped.items()))
	killed = n - len(lives)
	score = 100 * killed / n if n else 0
	took = time.monotonic() - run.began
	if run.args.listed:
		return report_listed(run, killed, took)
	print(f'seed {run.args.seed}, {" ".join(run.args.dirs)}: {killed} of {n} killed, '
	      f'{score:.1f} % (at least {run.args.least} %), {took:.0f} s')
	good = not run.broke and n > 0 and score >= run.args.least
	print(f'{int(good)} passed, {int(not good)} failed')
	return good


def arguments():
	p = argparse.ArgumentParser()
	p.add_argument('--build', default='build/mutate')
	p.add_argument('--n', type=int, default=60)
	p.add_argument('--seed', type=int, default=1)
	p.add_argument('--jobs', type=int, default=2)
	p.add_argument('--dirs', default='proto lowcomms services membership')
	p.add_argument('--listed', default='', help='names of the list, or all')
	p.add_argument('--file', default='', help='only files of these patterns')
	p.add_argument('--text', default='', help='only statements that hold it')
	p.add_argument('--again', default='', help='only what lives in that output')
	p.add_argument('--by', default='', help='only these tests judge')
	p.add_argument('--least', type=float, default=85, help='the score that is a success')
	p.add_argument('--seconds', type=int, default=0, help='no new mutant after so long')
	args = p.parse_args()
	args.dirs = args.dirs.split()
	args.file = args.file.split()
	args.listed = args.listed.split()
	return args


def main():
	args = arguments()
	build = Build(args.build)
	build.learn_headers()
	run = Run(args, build)
	dead = dead_entries(run.equal)
	for path, _, old, _ in dead:
		print(f'{HERE}/equal: no such mutation any more: {path}: {old}', file=sys.stderr)
	if dead:
		print('0 passed, 1 failed')
		return 1
	run.all()
	return 0 if report(run) else 1


if __name__ == '__main__':
	sys.exit(main())
