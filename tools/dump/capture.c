/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads captures; the one file that includes libpcap.
 * Knows nothing of what is in a packet.
 */
#include "tools/dump/capture.h"

#include <errno.h>

#ifdef HAVE_PCAP
#include <pcap/pcap.h>

#define S_NS	UINT64_C(1000000000)

/* To the end of the file, or as far as it can be read. */
static int read_packets(pcap_t *pcap, enum packet_link link, const struct capture_events *events,
			char err[CAPTURE_ERROR_MAX])
{
	struct pcap_pkthdr *h;
	const u_char *p;
	uint64_t time_ns;
	int rc;

	while ((rc = pcap_next_ex(pcap, &h, &p)) == 1) {
		/* tv_usec has nanoseconds: that precision was asked for. */
		time_ns = (uint64_t)h->ts.tv_sec * S_NS + (uint64_t)h->ts.tv_usec;
		rc = events->packet(events->arg, link, time_ns, p, h->caplen, h->len);
		if (rc)
			return rc;
	}
	if (rc != PCAP_ERROR)
		return 0;
	snprintf(err, CAPTURE_ERROR_MAX, "%s", pcap_geterr(pcap));
	return -ENODATA;
}

int capture_read(FILE *file, const struct capture_events *events, char err[CAPTURE_ERROR_MAX])
{
	char text[PCAP_ERRBUF_SIZE] = "";
	enum packet_link link;
	pcap_t *pcap;
	int type, rc;

	pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!pcap) {
		snprintf(err, CAPTURE_ERROR_MAX, "%s", text);
		fclose(file);
		return -EINVAL;
	}
	type = pcap_datalink(pcap);
	if (packet_link(type, &link)) {
		rc = read_packets(pcap, link, events, err);
	} else {
		const char *name = pcap_datalink_val_to_name(type);

		snprintf(err, CAPTURE_ERROR_MAX, "link type %d (%s) is not known here; expected "
			 "Ethernet, Linux cooked, raw IP or loopback", type, name ? name : "?");
		rc = -EINVAL;
	}
	pcap_close(pcap);
	return rc;
}
#else
int capture_read(FILE *file, const struct capture_events *events, char err[CAPTURE_ERROR_MAX])
{
	(void)events;
	fclose(file);
	snprintf(err, CAPTURE_ERROR_MAX, "this sinew was built without libpcap and reads no "
		 "captures; --hex works (tcpdump -r FILE -x | sinew dump --hex)");
	return -ENOTSUP;
}
#endif
