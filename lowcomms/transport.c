/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/transport.h"

#include <string.h>

#include "lowcomms/sctp_kernel.h"
#include "lowcomms/sctp_user.h"
#include "lowcomms/tcp.h"

static const struct {
	const char *name;
	bool kernel, user_land;			/* it is that of one of them, or of both */
	const struct transport *transport;	/* NULL: this build has it not */
	const char *hint;			/* then */
} all[] = {
	{ "tcp", true, true, &transport_tcp, NULL },
#ifdef HAVE_LIBSCTP
	{ "sctp", true, false, &transport_sctp_kernel, NULL },
#else
	{ "sctp", true, false, NULL, "sctp of the kernel is not in this build: set sctp_backend to "
	  "user, or install libsctp-dev and build sinew again" },
#endif
#ifdef HAVE_USRSCTP
	{ "sctp", false, true, &transport_sctp_user, NULL },
#else
	{ "sctp", false, true, NULL, "sctp in user land is not in this build: install "
	  "libusrsctp-dev and build sinew again" },
#endif
};

const struct transport *transport_find(const char *name, bool user_land,
				       const struct stream_packets *packets, const char **ret_hint)
{
	*ret_hint = "unknown, expected tcp or sctp";
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct transport *t = all[i].transport;

		if (strcmp(name, all[i].name) || !(user_land ? all[i].user_land : all[i].kernel))
			continue;
		*ret_hint = t && t->lacks ? t->lacks(packets) : all[i].hint;
		return *ret_hint ? NULL : t;
	}
	return NULL;
}

const struct transport *transport_of(const struct sinew_options *opt,
				     struct stream_packets *ret_packets, const char **ret_hint)
{
	*ret_packets = (struct stream_packets) {
		.ip_alone = opt->sctp_encap == SINEW_SCTP_ENCAP_NONE,
		.udp_port = opt->sctp_udp_port,
	};
	return transport_find(opt->transport, opt->sctp_backend == SINEW_SCTP_USER, ret_packets,
			      ret_hint);
}
