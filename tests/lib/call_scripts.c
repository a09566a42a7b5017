/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the scripts that are played over a kernel's AF_RXRPC and over our own calls. */
#include "tests/lib/call_script.h"

const struct call_script call_scripts[] = {
	{ "a request and a reply",
	  "client begins 100; server gets last; server sends 200; client gets last;"
	  "server gets end", 1, false },
	{ "an empty request and an empty reply",
	  "client begins 0; server gets last; server sends 0; client gets last; server gets end",
	  1, false },
	{ "a long request and a long reply",
	  "client begins 300000; server gets last; server sends 200000; client gets last;"
	  "server gets end", 1, false },
	{ "a request in pieces",
	  "client begins 20000 more; server gets 10000; client sends 20000 more;"
	  "server gets 20000; client sends 500; server gets last; server sends 1;"
	  "client gets last; server gets end", 1, false },
	{ "a request whose last piece is empty",
	  "client begins 20000 more; server gets 10000; client sends 0; server gets last;"
	  "server sends 1; client gets last; server gets end", 1, false },
	{ "a reply in pieces",
	  "client begins 100; server gets last; server sends 20000 more; client gets 10000;"
	  "server sends 20000 more; client gets 20000; server sends 500; client gets last;"
	  "server gets end", 1, false },
	{ "a reply whose last piece is empty",
	  "client begins 100; server gets last; server sends 20000 more; client gets 10000;"
	  "server sends 0; client gets last; server gets end", 1, false },
	{ "the client aborts before anything has left",
	  "client begins 0 more; client aborts 11; client gets end", 1, false },
	{ "the client aborts in its request",
	  "client begins 20000 more; server gets 10000; client aborts 12; client gets end;"
	  "server gets end", 1, false },
	{ "the client aborts behind its request",
	  "client begins 100; server gets last; client aborts 13; client gets end;"
	  "server gets end", 1, false },
	{ "the client aborts in the reply",
	  "client begins 100; server gets last; server sends 20000 more; client gets 10000;"
	  "client aborts 14; client gets end; server gets end", 1, false },
	{ "the server aborts in the request",
	  "client begins 20000 more; server gets 10000; server aborts 15; server gets end;"
	  "client gets end", 1, false },
	{ "the server aborts before its reply",
	  "client begins 100; server gets last; server aborts 16; server gets end;"
	  "client gets end", 1, false },
	{ "the server aborts in its reply",
	  "client begins 100; server gets last; server sends 20000 more; client gets 10000;"
	  "server aborts 17; server gets end; client gets end", 1, false },
	{ "the client aborts an ended call",
	  "client begins 100; server gets last; server sends 200; client gets last;"
	  "server gets end; client aborts 18", 1, false },
	{ "the server replies in the request",
	  "client begins 20000 more; server gets 10000; server sends 100; client sends 100;"
	  "server gets last; server sends 100; client gets last; server gets end", 1, false },
	{ "the client sends behind its request",
	  "client begins 100; server gets last; client sends 100; server sends 100;"
	  "client gets last; server gets end", 1, false },
	{ "two calls are answered in the other order",
	  "client begins 100; server gets last; client2 begins 50; server2 gets last;"
	  "server2 sends 5; client2 gets last; server2 gets end; server sends 10;"
	  "client gets last; server gets end", 2, false },
	{ "nobody is ready",
	  "client begins 100; server gets last; client2 begins 50; client2 gets end", 1, false },
	{ "nobody is ready, the client gives up",
	  "client begins 100; server gets last; client2 begins 50; client2 aborts 19;"
	  "client2 gets end; server sends 10; client gets last; server gets end", 1, false },
	{ "nobody is ready, the client asks again",
	  "client begins 100; server gets last; client2 begins 50 again; server sends 10;"
	  "client gets last; server gets end; server serves; server2 gets last;"
	  "server2 sends 5; client2 gets last; server2 gets end", 1, false },
	{ "nobody has the service",
	  "client begins 100 elsewhere; client gets end", 1, false },
	{ "the deadline comes",
	  "client begins 100 briefly; server gets last; client gets end; server gets end",
	  1, false },
	{ "the server leaves",
	  "client begins 100; server gets last; server leaves; client gets end", 1, false },
	{ "an upgrade with a pair",
	  "client begins 2000 upgrade; server gets last; server names; server sends 10;"
	  "client gets last; client names; server gets end", 1, true },
	{ "an upgrade without a pair",
	  "client begins 100 upgrade; server gets last; server names; server sends 10;"
	  "client gets last; client names; server gets end", 1, false },
	{ "a pair, but the client asks for no upgrade",
	  "client begins 100; server gets last; server names; server sends 10;"
	  "client gets last; client names; server gets end", 1, true },
};

const unsigned n_call_scripts = sizeof call_scripts / sizeof call_scripts[0];
