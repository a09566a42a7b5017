/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the scripts that are played over a kernel's TIPC and over our own topology. The events of
 * two nodes, or of two publishers at the far one, come in the order in which a step waits for them.
 */
#include "tests/lib/topo_script.h"

const struct topo_script topo_scripts[] = {
	{ "what is there comes first",
	  "a publishes 1 10 20; b publishes 1 12 12; a publishes 1 0 5; a publishes 2 10 20;"
	  "w subscribes 1 0 max each; w gets 3; b publishes 1 3 3; w gets 1" },
	{ "ranges overlap",
	  "a publishes 1 10 20; b publishes 1 15 25; a publishes 1 5 12;"
	  "w subscribes 1 15 15 each; x subscribes 1 12 14 each; y subscribes 1 0 max each;"
	  "w gets 2; x gets 2; y gets 3;"
	  "b publishes 1 14 16; w gets 1; x gets 1; y gets 1;"
	  "a withdraws 1 10 20; w gets 1; x gets 1; y gets 1;"
	  "b withdraws 1 15 25; w gets 1; y gets 1; a withdraws 1 5 12; x gets 1; y gets 1" },
	{ "beside a range, and at its ends",
	  "w subscribes 1 10 20 each; x subscribes 1 0 max each;"
	  "a publishes 1 0 9; a publishes 1 21 30; a publishes 1 max max; a publishes 1 9 10;"
	  "a publishes 1 20 21; a publishes 1 0 max; a publishes 1 15 15; w gets 4; x gets 7" },
	{ "each publication of a name",
	  "w subscribes 1 10 10 each; a publishes 1 10 10; b publishes 1 10 10; w gets 2;"
	  "a withdraws 1 10 10; w gets 1; b withdraws 1 10 10; w gets 1" },
	{ "the edges of a name",
	  "w subscribes 1 10 10 edge; a publishes 1 10 10; b publishes 1 10 10;"
	  "a withdraws 1 10 10; b withdraws 1 10 10; w gets 2;"
	  "b publishes 1 10 10; a publishes 1 10 10; b withdraws 1 10 10; a withdraws 1 10 10;"
	  "w gets 2" },
	{ "the edges of ranges that overlap",
	  "w subscribes 1 15 18 edge; a publishes 1 10 20; b publishes 1 15 25;"
	  "b publishes 1 10 20; a publishes 1 0 14; a withdraws 1 10 20; b withdraws 1 15 25;"
	  "b withdraws 1 10 20; w gets 4" },
	{ "an edge of what is there",
	  "a publishes 1 10 20; b publishes 1 10 20; b publishes 1 5 5;"
	  "w subscribes 1 0 max edge; w gets 2; a withdraws 1 10 20; b withdraws 1 10 20;"
	  "w gets 1" },
	{ "what is there now",
	  "w subscribes 1 0 max each 0; w gets 1; a publishes 1 10 10; b publishes 1 10 10;"
	  "x subscribes 1 0 max each 0; x gets 3; y subscribes 1 0 max edge 0; y gets 2;"
	  "z subscribes 1 0 max each; z gets 2; a withdraws 1 10 10; z gets 1" },
	{ "a limit of time",
	  "a publishes 1 10 20; w subscribes 1 10 20 each 150; x subscribes 1 10 20 edge 150;"
	  "y subscribes 1 10 20 each 60000; w gets 2; x gets 2; y gets 1;"
	  "a withdraws 1 10 20; y gets 1; a publishes 1 10 20; y gets 1; w cancels" },
	{ "a limit of time where nothing is",
	  "w subscribes 1 10 20 each 150; x subscribes 1 10 20 edge 150; w gets 1; x gets 1" },
	{ "the second of three is cancelled",
	  "w subscribes 1 10 20 each; x subscribes 1 10 20 each; y subscribes 1 10 20 each;"
	  "a publishes 1 10 20; w gets 1; x gets 1; y gets 1;"
	  "x cancels; a withdraws 1 10 20; w gets 1; y gets 1" },
	{ "the first and the last are cancelled",
	  "w subscribes 1 10 20 each; x subscribes 1 0 max each; y subscribes 1 10 20 edge;"
	  "w cancels; a publishes 1 10 20; x gets 1; y gets 1;"
	  "y cancels; a withdraws 1 10 20; x gets 1" },
	{ "a cancelled one comes again",
	  "w subscribes 1 10 20 each; a publishes 1 10 20; w gets 1; w cancels;"
	  "a withdraws 1 10 20; b publishes 1 15 15; w subscribes 1 10 20 each; w gets 1" },
	{ "a publisher is killed",
	  "a publishes 1 10 20; a publishes 1 30 30; b publishes 1 10 20;"
	  "w subscribes 1 0 max each; x subscribes 1 0 max edge; w gets 3; x gets 2;"
	  "y subscribes 1 30 30 each; y gets 1; a dies; w gets 2; x gets 1; y gets 1;"
	  "b dies; w gets 1; x gets 1" },
	{ "a name twice by one publisher",
	  "w subscribes 1 10 10 each; x subscribes 1 10 10 edge; a publishes 1 10 10;"
	  "a publishes 1 10 10; a withdraws 1 10 10; a withdraws 1 10 10; w gets 4; x gets 2" },
	{ "at its own node alone",
	  "w subscribes 1 0 max each; a publishes 1 1 1 node; w gets 1; c publishes 1 2 2 node;"
	  "c publishes 1 3 3; w gets 1; c withdraws 1 2 2 node; c withdraws 1 3 3; w gets 1;"
	  "a withdraws 1 1 1 node; w gets 1" },
	{ "publishers at two nodes",
	  "w subscribes 1 0 max each; x subscribes 1 0 max edge;"
	  "a publishes 1 10 10; w gets 1; x gets 1; c publishes 1 10 10; w gets 1;"
	  "d publishes 1 20 20; w gets 1; x gets 1; a withdraws 1 10 10; w gets 1;"
	  "c withdraws 1 10 10; w gets 1; x gets 1" },
	{ "a publisher at the second node is killed",
	  "w subscribes 1 0 max each; c publishes 1 10 10; w gets 1; d publishes 1 10 20;"
	  "w gets 1; c dies; w gets 1; c publishes 1 5 5; w gets 1; d dies; w gets 1" },
	{ "the second node goes and comes",
	  "w subscribes 1 0 max each; x subscribes 1 0 max edge; a publishes 1 10 10; w gets 1;"
	  "c publishes 1 10 10; w gets 1; c publishes 1 5 5; w gets 1; d publishes 1 20 30;"
	  "w gets 1; x gets 3; far goes; w gets 3; x gets 2; far comes; w gets 3; x gets 2" },
	{ "the second node goes with one name",
	  "w subscribes 1 15 15 each; c publishes 1 10 20; w gets 1; far goes; w gets 1;"
	  "a publishes 1 15 15; w gets 1; far comes; w gets 1" },
	{ "a publisher at the second node is killed with three names",
	  "w subscribes 1 0 max each; x subscribes 1 0 max edge; c publishes 1 10 20; w gets 1;"
	  "c publishes 1 5 5; w gets 1; c publishes 1 30 30; w gets 1; d publishes 1 5 5;"
	  "w gets 1; x gets 3; c dies; w gets 3; x gets 2" },
	{ "changes while the second node is away",
	  "w subscribes 1 0 max each; c publishes 1 5 5; w gets 1; d publishes 1 6 6; w gets 1;"
	  "far goes; w gets 2; c dies; d publishes 1 7 7; a publishes 1 8 8; w gets 1;"
	  "x subscribes 1 0 max each 0; x gets 2; far comes; w gets 2;"
	  "y subscribes 1 0 max each 0; y gets 4" },
	{ "nodes",
	  "w subscribes NODE 0 max each; w gets 2; x subscribes NODE 0 max edge; x gets 2;"
	  "y subscribes NODE 0 max each 0; y gets 3;"
	  "far goes; w gets 1; x gets 1; far comes; w gets 1; x gets 1" },
	{ "links",
	  "w subscribes LINK 0 max each; w gets 1; far goes; w gets 1; far comes; w gets 1" },
	{ "a subscription upside down",
	  "x subscribes 1 0 max each; w subscribes 1 20 10 each; a publishes 1 5 5; x gets 1" },
	{ "a publication upside down",
	  "w subscribes 1 0 max each; a publishes 1 20 10; a publishes 1 5 5; w gets 1" },
	{ "withdrawn twice",
	  "w subscribes 1 0 max each; a publishes 1 5 5; a withdraws 1 5 5; a withdraws 1 5 5;"
	  "a publishes 1 5 5; w gets 3" },
	{ "a type of the server itself",
	  "w subscribes 1 0 max each; a publishes NODE 5 5; a publishes LINK 5 5;"
	  "a publishes 1 5 5; w gets 1" },
};

const unsigned n_topo_scripts = sizeof topo_scripts / sizeof topo_scripts[0];
