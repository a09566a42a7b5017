#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Owns the judgement of what watchers of a topology were told: plays the events of one watcher,
whose output may be in several files, one for each time it was resumed. Knows no node.

	tests/live/topology_view.py [--sessions NODES [--serving NODES]] LIST WATCHED...

LIST: of `sinew topology list --json`. --sessions "1 2 3": while links are reset all the time, what
is listed of links is not compared; and the list has these nodes and no other, each with a session
with each. --serving "1 2": only these serve, so that only their sessions are listed.

Prints how many events there were, how many were collapsed, and what is wrong: a publication that
was told twice, or withdrawn untold; or what the list has and the watcher has not, or the reverse.
"""

import json
import sys

WRONG_MAX = 5
NODE, LINK, REACH = 0, 2, 3


def identity(event):
	return event['node'], event['incarnation'], event['pub']


def content(event):
	return tuple(event[k] for k in ('type', 'lower', 'upper', 'scope', 'attributes'))


def lines(path):
	with open(path, encoding='utf-8') as f:
		for line in f:
			# One that was killed may have left half a line.
			if line.endswith('\n'):
				yield json.loads(line)


def play(told, path, resumed, wrong):
	n = collapsed = 0
	anew = None
	for event in lines(path):
		n += 1
		collapsed += event['collapsed']
		if event['event'] == 'PUBLISHED':
			key = identity(event)
			if resumed and event['first']:
				anew = anew or {}
				anew[key] = content(event)
			elif key in told:
				wrong.append(f'told twice: {event}')
			else:
				told[key] = content(event)
		elif event['event'] == 'WITHDRAWN':
			if told.pop(identity(event), None) is None:
				wrong.append(f'withdrawn untold: {event}')
		elif event['event'] == 'CURRENT' and anew is not None:
			told.clear()
			told.update(anew)
			anew = None
		elif event['event'] in ('OVERRUN', 'REFUSED'):
			wrong.append(f'ended: {event}')
	return n, collapsed


def without_links(rows):
	return {key: row for key, row in rows.items() if row[0] != LINK}


def check_sessions(there, nodes, serving, wrong):
	known = sorted(row[1] for row in there.values() if row[0] == NODE)
	pairs = sorted((key[0], row[1]) for key, row in there.items() if row[0] == REACH)
	if known != nodes:
		wrong.append(f'nodes {known}, not {nodes}')
	if pairs != [(a, b) for a in nodes if a in serving for b in nodes if a != b]:
		wrong.append(f'sessions {pairs} of nodes {nodes}')


def main():
	wrong, told, n, collapsed, args = [], {}, 0, 0, sys.argv[1:]
	nodes = serving = None
	if args[0] == '--sessions':
		nodes, args = sorted(map(int, args[1].split())), args[2:]
		serving = nodes
	if args[0] == '--serving':
		serving, args = sorted(map(int, args[1].split())), args[2:]
	for i, path in enumerate(args[1:]):
		more, more_collapsed = play(told, path, i > 0, wrong)
		n, collapsed = n + more, collapsed + more_collapsed
	there = {identity(row): content(row) for row in lines(args[0])}
	if nodes is not None:
		there, told = without_links(there), without_links(told)
		check_sessions(there, nodes, serving, wrong)
	wrong += [f'lost: {k} {v}' for k, v in there.items() if told.get(k) != v]
	wrong += [f'not there: {k} {v}' for k, v in told.items() if k not in there]
	print(f'events={n} collapsed={collapsed} rows={len(there)} wrong={len(wrong)}')
	for line in wrong[:WRONG_MAX]:
		print(line)
	return 1 if wrong else 0


if __name__ == '__main__':
	sys.exit(main())
