# SPDX-License-Identifier: LGPL-2.1-or-later
# Node 3 of a lockspace as a kernel that speaks DLM 3.1: no envelope, no number, no FIN. It dials the
# member 2 from its own address, is as far in recovery as anybody may want, has no names, and answers
# no MSG. A line for each packet that it gets.
#
#	perl tests/vm/peer_31.pl OWN_ADDRESS MEMBERS_ADDRESS SPACE_ID
use strict;
use warnings;
use IO::Socket::INET;

use constant { VERSION => 0x30001, NODE => 3, RCOM => 2, HEADER => 16 };
use constant { STATUS => 1, NAMES => 2, REPLY => 4, REACHED => 0x55, LVB_LEN => 32 };

my ($own, $member, $space) = @ARGV;
my $socket;

$| = 1;
alarm 60;

sub rcom
{
	my ($type, $result, $id, $seq_reply, $body) = @_;
	my $rcom = pack('V l< Q< Q< Q<', $type, $result, $id, 1, $seq_reply) . $body;

	syswrite $socket, pack('V V V v C C', VERSION, hex $space, NODE, HEADER + length $rcom, RCOM,
		0) . $rcom;
}

# So many bytes, or none.
sub take
{
	my ($n) = @_;
	my $bytes = '';

	while (length $bytes < $n) {
		return '' if !sysread $socket, $bytes, $n - length $bytes, length $bytes;
	}
	return $bytes;
}

$socket = IO::Socket::INET->new(PeerAddr => $member, PeerPort => 21064, LocalAddr => $own) or
	die "$member does not accept: $!\n";
rcom(STATUS, 0, 7, 0, pack('V V Q<', 0, 0, 0));
while (my $header = take(HEADER)) {
	my ($version, undef, undef, $len, $command) = unpack 'V V V v C', $header;
	my $body = take($len - HEADER);
	my ($type, undef, $id, $seq) = unpack 'V l< Q< Q<', $body . "\0" x 24;

	printf "got version=%x command=%d type=%d\n", $version, $command, $type;
	next if $command != RCOM;
	rcom(STATUS + REPLY, REACHED, $id, $seq, pack('V V V v v V V Q<', LVB_LEN, (0) x 7))
		if $type == STATUS;
	rcom(NAMES + REPLY, 0, $id, $seq, pack('n x4022', 0xffff)) if $type == NAMES;
}
print "the connection has ended\n";
