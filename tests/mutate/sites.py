# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owns where C text can be mutated, and into what. Knows how to read the functions of this
project, not C as a whole; knows nothing of building and running."""

import re

TOKEN = re.compile(r'''
	(?P<skip>\s+|/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:[^\n\\]|\\.)*)
	|(?P<id>[A-Za-z_]\w*)
	|(?P<num>\.?\d(?:[eEpP][+-]|[\w.])*)
	|(?P<str>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
	|(?P<op>>>=|<<=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
''', re.X | re.S | re.M)

CLOSES = {'(': ')', '[': ']', '{': '}'}
OPENS = {v: k for k, v in CLOSES.items()}
ASSIGN = {'=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>='}
BOUNDS = {'<': ('<=', '>'), '>': ('>=', '<'), '<=': ('<', '>='), '>=': ('>', '<=')}
STOPS = {',', ';', '?', ':', 'return', 'case'} | ASSIGN
TYPES = {'struct', 'enum', 'union', 'static', 'const', 'unsigned', 'signed', 'int', 'char', 'long',
	 'short', 'bool', 'void', 'double', 'float', 'extern', '_Atomic', 'register', 'typedef'}
WORDS = {'if', 'while', 'switch', 'for', 'do', 'return', 'case', 'default', 'goto', 'sizeof'}
# Headers of functions that do nothing but assert, and how these begin: their calls are part of the
# tests.
ASSERTING = {'proto/check.h': '', 'membership/view_check.h': '', 'services/topo_check.h': '',
	     'services/calls_check.h': '', 'lowcomms/lock_order.h': 'lock_order_'}
SMALL = re.compile(r'(\d\d?)([uUlL]*)$')


def asserting():
	"""The functions of those headers, by name."""
	names = set()
	for path, begin in ASSERTING.items():
		name = re.compile(rf'^(?:static inline )?void ({begin}\w+)\(', re.M)
		with open(path, encoding='utf-8') as f:
			names |= set(name.findall(f.read()))
	return names


CHECKS = asserting()


class Token:
	def __init__(self, text, at):
		self.text = text
		self.at = at
		self.end = at + len(text)


class Site:
	"""One mutation: the text from at to end becomes new."""
	def __init__(self, kind, function, statement, at, end, new):
		self.kind = kind
		self.function = function
		self.statement = statement	# (at, end) of what it stands in
		self.at = at
		self.end = end
		self.new = new


def tokens_of(text):
	return [Token(m.group(), m.start()) for m in TOKEN.finditer(text) if not m.group('skip')]


def flat(text):
	"""On one line, without comments: what a statement is known by."""
	return ' '.join(re.sub(r'/\*.*?\*/', ' ', text, flags=re.S).split())


class Reader:
	def __init__(self, text):
		self.text = text
		self.tok = tokens_of(text)
		self.match = {}
		self.sites = []
		self.seen = set()		# two ways to the same text count once
		self.function = None
		stack = []
		for i, t in enumerate(self.tok):
			if t.text in CLOSES:
				stack.append(i)
			elif t.text in OPENS and stack:
				self.match[stack[-1]] = i
				self.match[i] = stack.pop()

	def t(self, i):
		return self.tok[i].text if 0 <= i < len(self.tok) else ''

	def read(self):
		i = 0
		while i < len(self.tok):
			if self.t(i) != '{':
				i += 1
				continue
			if self.t(i - 1) == ')':
				self.function = self.name_before(i - 1)
				self.block(i)
			i = self.match.get(i, i) + 1
		return self.sites

	def name_before(self, close):
		i = self.match[close] - 1
		while self.t(i) == '(' or self.t(i) == '__attribute__':
			i -= 1
		return self.t(i)

	# ---- statements ----

	def block(self, i):
		end = self.match[i]
		i += 1
		while i < end:
			i = self.statement(i, False)
		return end + 1

	def statement(self, i, only):
		"""The index behind the statement at i. only: it is all that an if does."""
		word = self.t(i)
		if word == '{':
			if only and self.match[i] == i + 1:
				return i + 2
			return self.block(i)
		if self.is_loop_macro(i):
			return self.statement(self.match[i + 1] + 1, False)
		if word in ('if', 'while', 'switch', 'for'):
			return self.control(i, word)
		if word == 'do':
			i = self.statement(i + 1, False)
			return self.condition(i, 'while') + 1
		if word in ('case', 'default'):
			while self.t(i) != ':':
				i += 1
			return i + 1
		if self.t(i + 1) == ':' and word.isidentifier():
			return i + 2
		return self.simple(i, only)

	def is_loop_macro(self, i):
		"""list_each(...), array_each(...) and the like: a statement follows, or a block."""
		if not self.t(i).isidentifier() or self.t(i) in WORDS or self.t(i + 1) != '(':
			return False
		behind = self.t(self.match[i + 1] + 1)
		return behind == '{' or behind.isidentifier()

	def control(self, i, word):
		if word == 'for':
			end = self.match[i + 1]
			self.expressions(i + 2, end, (i, end + 1))
		else:
			end = self.condition(i, word) - 1
		i = self.statement(end + 1, word == 'if')
		while word == 'if' and self.t(i) == 'else':
			i = self.statement(i + 1, True)
		return i

	def condition(self, i, word):
		end = self.match[i + 1]
		span = (i, end + 1)
		if word != 'switch':
			inner = self.source(i + 2, end)
			self.add('negate', span, i + 2, end, '!(' + inner + ')')
		self.expressions(i + 2, end, span, self.one_test(i + 2, end))
		return end + 1

	def one_test(self, i, end):
		"""Negating the whole is the same as negating its only comparison."""
		return not any(self.t(k) in ('&&', '||', '?') for k in range(i, end))

	def simple(self, i, only):
		end = i
		while self.t(end) not in (';', '') and end < len(self.tok):
			end = self.match[end] if self.t(end) in CLOSES else end
			end += 1
		word = self.t(i)
		span = (i, end + 1)
		if word in ('assert', '_Static_assert', ';', 'goto') or word in CHECKS:
			return end + 1
		if word == 'return':
			if only or end == i + 1:
				self.add('drop', span, i, end, '')
		elif word in ('break', 'continue'):
			self.add('drop', span, i, end, '')
		elif not self.declares(i):
			self.add('reset' if self.resets(i, end) else 'drop', span, i, end, '')
		self.expressions(i, end, span)
		return end + 1

	def declares(self, i):
		return self.t(i) in TYPES or self.t(i).endswith('_t') or \
			(self.t(i).isidentifier() and self.t(i + 1).isidentifier())

	def resets(self, i, end):
		return self.t(end - 2) == '=' and self.t(end - 1) in ('0', 'false', 'NULL') and \
			any(self.t(k) in ('->', '.') for k in range(i, end))

	# ---- expressions ----

	def expressions(self, i, end, span, one_test=False):
		for k in range(i, end):
			word = self.t(k)
			if word in BOUNDS:
				for new in BOUNDS[word]:
					self.add('bound' if new[0] == word[0] else 'swap', span, k, k + 1, new)
			elif word in ('==', '!='):
				n_tests = sum(self.t(x) in BOUNDS or self.t(x) in ('==', '!=')
					      for x in range(i, end))
				if not (one_test and n_tests == 1):
					self.add('negate', span, k, k + 1, '!=' if word == '==' else '==')
			elif word in ('&&', '||'):
				self.side(k, word, i, end, span)
			elif word == '?':
				left = self.reach(k, -1, i, {'('})
				self.add('negate', span, left, k, '!(' + self.source(left, k) + ')')
			elif word == '!' and not (one_test and k == i):
				self.add('negate', span, k, k + 1, '')
			else:
				self.number(k, span)

	def reach(self, k, step, limit, stops):
		"""The first or last token of what stands beside an operator."""
		k += step
		near = CLOSES if step > 0 else OPENS
		away = OPENS if step > 0 else CLOSES
		while (k >= limit if step < 0 else k < limit):
			word = self.t(k)
			if word in near:
				k = self.match[k]
			elif word in away or word in STOPS or word in stops:
				break
			k += step
		return k - step

	def side(self, k, word, i, end, span):
		stops = {'||'} if word == '||' else {'&&', '||'}
		left = self.reach(k, -1, i, stops)
		right = self.reach(k, 1, end, stops)
		self.add('side', span, left, k + 1, '')
		self.add('side', span, k, right + 1, '')

	def number(self, k, span):
		m = SMALL.match(self.t(k))
		if not m:
			return
		before, behind = self.t(k - 1), self.t(k + 1)
		if before == '-' and not re.match(r'[\w)\]]', self.t(k - 2)[-1:]):
			return
		if self.t(k - 2) == 'return' and before == '-':
			return
		tests = set(BOUNDS) | {'==', '!='}
		if before in tests | {'+', '-', '+=', '-='} or behind in tests | {'+', '-'}:
			n = int(m.group(1))
			n = 0 if n == 1 and before in ('+', '-', '+=', '-=') else n + 1
			self.add('one off', span, k, k + 1, str(n) + m.group(2))

	# ---- results ----

	def source(self, i, end):
		return self.text[self.tok[i].at:self.tok[end - 1].end] if end > i else ''

	def add(self, kind, span, i, end, new):
		if end <= i:
			return
		statement = (self.tok[span[0]].at, self.tok[min(span[1], len(self.tok)) - 1].end)
		at, stop = self.tok[i].at, self.tok[end - 1].end
		# Lines stay what they are, or each assert() behind it would change.
		new += '\n' * (self.text.count('\n', at, stop) - new.count('\n'))
		site = Site(kind, self.function, statement, at, stop, new)
		result = statement_of(self.text, site)
		if result[0] != result[1] and (statement, result) not in self.seen:
			self.seen.add((statement, result))
			self.sites.append(site)


def sites_of(text):
	return Reader(text).read()


def mutate(text, site):
	return text[:site.at] + site.new + text[site.end:]


def statement_of(text, site):
	"""The statement before and behind the mutation, each on one line."""
	a, b = site.statement
	return flat(text[a:b]), flat(text[a:site.at] + site.new + text[site.end:b])
