#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns the test of `sinew call` as its users see it: requests and replies of all sizes, over links
# that break too, and that the exit status is the truth about what became of a call. Knows nothing
# of the library behind it.
# run.sh: waits timeout=150 with=jq,ss
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib.sh

SIZE=$((8 << 20))

# serve [ARGUMENT...]: node 2 serves; its process is $server.
serve()
{
	"$SINEW" call --config c --node 2 --serve "$@" >served 2>err2 </dev/null &
	server=$!
	pids+=($server)
	wait_for listens 2
}

# served_all [STATUS]: it ends in order.
served_all()
{
	local status
	kill -TERM "$server"
	wait "$server"
	status=$?
	equals "status of the server, which said: $(tail -n 2 err2)" $status "${1:-0}"
}

# call STATUS ARGUMENT...: from node 1, with standard input of the caller.
call()
{
	local expected=$1 status
	shift
	timeout "$LIMIT" "$SINEW" call --config c --node 1 --to 2 --service 100 "$@" >out 2>err
	status=$?
	equals "status of call $*, which said \"$(tail -n 1 err)\"," $status "$expected"
}

# begin ARGUMENT...: the same in the background; its process is $caller.
begin()
{
	"$SINEW" call --config c --node 1 --to 2 --service 100 "$@" <&0 >out 2>err &
	caller=$!
	pids+=($caller)
}

# ends STATUS: of what begin has begun.
ends()
{
	local status
	reap "$caller"
	status=$?
	equals "status of a call, which said \"$(tail -n 1 err)\"," $status "$1"
}

wrong_usage_is_refused()
{
	refuses 2 '--config FILE is missing' call --membership static --serve
	refuses 2 '--node ID is missing' call --config c --serve
	refuses 2 '--to ID is missing' call --config c --node 1
	refuses 2 '--service N is missing' call --config c --node 1 --to 2
	refuses 2 '--op N is missing' call --config c --node 1 --to 2 --service 100
	refuses 2 '--to: node 1 is the own node' call --config c --node 1 --to 1 --service 100 \
		--op 1
	refuses 2 '--to: c has no node 9' call --config c --node 1 --to 9 --service 100 --op 1
	refuses 2 '--service: found "65536"' call --service 65536
	refuses 2 '--op: found "4294967296"' call --op 4294967296
	refuses 2 '--deadline: found "-1"' call --deadline -1
	refuses 2 '--max-calls: found "1025"' call --serve --max-calls 1025
	refuses 2 'go with --serve only' call --to 2 --service 100 --op 1 --max-calls 1
	refuses 2 '--serve begins no call' call --serve --to 2
	refuses 2 "ids below 64 are the library's own" call --serve --service 63
	refuses 2 '--source: cannot read none' call --config c --node 2 --serve --source none
	refuses 2 '--reply: cannot write none/out' call --config c --node 1 --to 2 --service 100 \
		--op 1 --reply none/out
}

requests_of_all_sizes_are_echoed()
{
	local size
	serve
	for size in 0 1 64 16384 16385 1048576; do
		head -c $size /dev/urandom >in
		call 0 --op 1 <in
		same in out
	done
	says served 'echo: begun'
	says served 'echo: done, request 16385 bytes, reply 16385 bytes'
	served_all
	grep -Eq '^echo +6 +6 +0 +0 +0 ' served || bad "no such row: $(cat served)"
}

the_caller_is_called_back()
{
	serve
	head -c 20000 /dev/urandom >in
	call 0 --op 6 --callbacks <in
	same in out
	call 6 --op 6 <in
	says err 'code 111'
	served_all
	grep -Eq '^callback +2 +1 +1 ' served || bad "no such row: $(cat served)"
}

# moves SIZE: so many bytes to sink and from source.
moves()
{
	head -c "$1" /dev/urandom >in
	cksum <in >sum
	serve --source in
	[ -z "${port-}" ] || breaks
	call 0 --op 2 <in
	same sum out
	call 0 --op 3 </dev/null
	same in out
	call 0 --op 3 <<<"$1"
	seq 100000000 | head -c "$1" >lines
	same lines out
}

bytes_go_to_sink_and_come_from_source()
{
	moves $SIZE
	served_all
	grep -Eq "^sink +1 +1 +0 +0 +0 +$SIZE " served || bad "no such row: $(cat served)"
	grep -Eq "^source +2 +2 +0 +0 +0 .* $((2 * SIZE))$" served ||
		bad "no such row: $(cat served)"
}

# Destroys all connections every 20 ms, until the end of the test.
breaks()
{
	"$SINEW" break destroy --port "$port" --address "$NET.0/24" --every 20 >broken 2>&1 &
	pids+=($!)
}

bytes_move_over_destroyed_connections()
{
	local port
	port=$(free_port)
	config c "port: $port"
	moves $SIZE
	kill -INT "${pids[-1]}"
	wait "${pids[-1]}"
	grep -q '[1-9][0-9]* connections' broken || bad "nothing was destroyed: $(cat broken)"
	served_all
}

what_is_not_executed_is_told()
{
	call 3 --op 1 --wait 0.2 </dev/null
	says err 'the call of service 100, op 1, at node 2 was not begun'
	says err 'is not up after 0.200 s'
	says err 'it was not executed'
	serve --max-calls 1 --max-request 1000
	call 3 --op 9 </dev/null
	says err 'no such operation'
	call 3 --service 101 --op 1 </dev/null
	says err 'the call of service 101, op 1, at node 2 was refused'
	says err 'that node has no such service'
	head -c 1001 /dev/zero >in
	call 3 --op 1 <in
	says err 'longer than the service takes'
	"$SINEW" call --config c --node 3 --to 2 --service 100 --op 4 <<<60000 >/dev/null 2>err3 &
	pids+=($!)
	wait_for has_line served 'sleep: begun'
	call 3 --op 1 </dev/null
	says err 'busy'
	call 3 --op 1 --json </dev/null
	json_holds out '.outcome == "NOT_EXECUTED" and .reason == "BUSY" and .status == 3'
	equals 'calls that were shown' "$(grep -c begun served)" 1
}

a_node_without_calls_is_told()
{
	member 2
	call 3 --op 1 </dev/null
	says err 'that node does not offer calls'
	call 3 --op 1 --json </dev/null
	json_holds out '.outcome == "NOT_EXECUTED" and .reason == "" and .seconds == 0'
}

aborts_have_their_code()
{
	serve
	call 6 --op 5 <<<42
	says err 'was aborted by the service with code 42'
	call 6 --op 5 --json <<<2147483647
	json_holds out '.status == 6 and .reason == "ABORTED" and .code == 2147483647'
	call 6 --op 5 <<<2147483648
	says err 'code 22'
	call 6 --op 4 <<<soon
	says err 'code 22'
	call 6 --op 4 <<<01234567890123456789012345678901
	says err 'code 7'
	call 6 --op 3 </dev/null
	says err 'code 2'
	served_all
	grep -Eq '^fail +3 +0 +3 ' served || bad "no such row: $(cat served)"
}

a_deadline_ends_what_has_begun()
{
	serve
	# In that time the ACCEPT comes.
	call 5 --op 4 --deadline 2000 <<<60000
	says err 'did not end within 2000 ms (--deadline)'
	says err 'the service has begun it'
	call 5 --op 4 --deadline 500 --settle --json <<<60000
	json_holds out '.outcome == "STARTED" and .reason == "DEADLINE" and .status == 5'
	call 0 --op 4 --deadline 0 <<<10
	served_all
	grep -Eq '^sleep +3 +1 +0 +2 ' served || bad "no such row: $(cat served)"
}

# The service prints before it is known to have begun: a full pipe stops it there.
serve_and_stop_at_the_beginning()
{
	mkfifo lines
	exec 7<>lines
	head -c 65536 /dev/zero >&7
	"$SINEW" call --config c --node 2 --serve >lines 2>err2 </dev/null 7>&- &
	pids+=($!)
	wait_for listens 2
}

a_call_that_may_have_begun_is_in_doubt()
{
	serve_and_stop_at_the_beginning
	call 4 --op 1 --deadline 500 --json </dev/null
	says err 'it was executed once or not at all'
	json_holds out '.outcome == "IN_DOUBT" and .reason == "DEADLINE" and .status == 4'
	exec 7>&-
}

half_a_request_is_not_executed()
{
	serve_and_stop_at_the_beginning
	mkfifo in
	exec 8<>in
	head -c 1000 /dev/zero >&8
	call 3 --op 1 --deadline 500 --json <in 7>&- 8>&-
	json_holds out '.outcome == "PARTIAL" and .reason == "DEADLINE" and .request_bytes == 1000'
	says err 'the end of the request has not left this node'
	exec 7>&- 8>&-
}

# A new program in its place ends the session.
a_server_that_is_killed_has_begun()
{
	serve
	mkfifo slow
	exec 7<>slow
	"$SINEW" call --config c --node 1 --to 2 --service 100 --op 3 <<<1G >slow 2>err &
	caller=$!
	pids+=($caller)
	head -c 100000 <&7 | cksum >first
	kill -KILL $server
	wait $server 2>/dev/null
	serve
	cat <&7 >/dev/null &
	pids+=($!)
	ends 5
	says err 'was cut off: the session ended'
	says err 'whether it finished is unknown'
	seq 100000 | head -c 100000 | cksum >want
	same first want
	exec 7>&-
}

a_server_that_is_killed_at_once_is_told_truly()
{
	local outcome
	serve
	begin --op 4 --json <<<60000
	wait_for has_line served 'sleep: begun'
	kill -KILL $server
	wait $server 2>/dev/null
	serve
	reap "$caller"
	outcome=$?
	outcome=$outcome/$(jq -r .outcome out)
	case $outcome in
	4/IN_DOUBT | 5/STARTED) ;;
	*) bad "the outcome is $outcome" ;;
	esac
	json_is out .reason SESSION
}

a_server_that_closes_finishes_its_calls()
{
	serve
	begin --op 4 <<<300
	wait_for has_line served 'sleep: begun'
	served_all
	ends 0
	grep -Eq '^sleep +1 +1 ' served || bad "no such row: $(cat served)"
}

a_signal_gives_the_call_up()
{
	serve
	begin --op 4 --settle --json <<<60000
	wait_for has_line served 'sleep: begun'
	kill -INT $caller
	ends 5
	json_holds out '.outcome == "STARTED" and .reason == "GIVEN_UP"'
	wait_for has_line served 'sleep: given up by the caller'
	served_all
	begin --op 4 --wait 1000 <<<60000
	wait_for listens 1
	kill -TERM $caller
	ends 3
	says err 'was not up'
}

# The caller knows only when the ACCEPT has come that the call has begun: with --settle it asks.
the_state_of_calls_is_told()
{
	serve
	begin --op 4 --settle <<<60000
	wait_for has_line served 'sleep: begun'
	kill -USR1 "$server"
	wait_for has_line err2 'node 1: 1 calls came, 0 refused, 1 open, 0 held, 1 of 128 slots'
	wait_for has_line err2 'node 1: the oldest call, from it, '
	grep -Eq 'of service 100 op 4, is open after [0-9]+ ms' err2 ||
		bad "no such line: $(tail -n 1 err2)"
	kill -INT $caller
	ends 5
	served_all
	serve --json
	call 0 --op 1 <<<echo
	call 3 --op 9 </dev/null
	call 6 --op 6 </dev/null
	served_all
	json_holds served '.peers == [.peers[0]] and .peers[0].node == 1 and (.peers[0].up | not)'
	json_holds served '.peers[0] | .peers_begun == 3 and .peers_refused == 1 and .begun == 1'
	json_holds served '.peers[0] | .not_executed == 1 and .open == 0 and .oldest == null'
}

# Node 2 never dials node 1: it answers, and calls it back, all the same.
a_caller_that_is_never_dialled_is_called_back()
{
	sed '0,/nodeid: 1$/s//&\n\t\tdial: never/' c >d
	mv d c
	says c 'dial: never'
	serve --log-level info
	head -c 20000 /dev/urandom >in
	call 0 --op 6 --callbacks <in
	same in out
	says err2 'peer=1 is never dialled from here'
	served_all
}

a_newer_service_answers_who_asks()
{
	serve --newer 110
	call 0 --op 1 --upgrade --json --reply copy <c
	same c copy
	json_holds out '.service == 100 and .service_in_force == 110 and .outcome == "DONE"'
	call 0 --op 1 --json --reply copy <c
	json_holds out '.service == 100 and (has("service_in_force") | not)'
	served_all
	serve
	call 0 --op 1 --upgrade --json --reply copy <c
	json_holds out '.service_in_force == 100 and .outcome == "DONE"'
	served_all
}

# secrets FILE TEXT: for its owner alone.
secrets()
{
	(umask 077 && printf "$2" >"$1")
}

# Else no name can be used.
has_nettle()
{
	secrets "$T/one" 'alice 0123456789abcdef\n'
	! "$SINEW" call --config none --node 1 --serve --secrets "$T/one" 2>&1 |
		grep -q 'built without nettle'
}

no_secrets_are_refused()
{
	secrets good 'alice 0123456789abcdef\n'
	refuses 2 '--secrets: cannot use none: No such file' call --config c --node 2 --serve \
		--secrets none
	refuses 2 'go together' call --to 2 --service 100 --op 1 --cred alice
	refuses 2 'go together' call --to 2 --service 100 --op 1 --secrets good
	refuses 2 'it goes with none of' call --serve --cred alice --secrets good
	refuses 2 'good has no secret of "bob"' call --config c --node 1 --to 2 --service 100 \
		--op 1 --cred bob --secrets good
	chmod 640 good
	refuses 2 'others may use it' call --config c --node 2 --serve --secrets good
	secrets none '# alice 0123456789abcdef\n\n'
	refuses 2 'none has no names' call --config c --node 2 --serve --secrets none
	secrets bad 'alice 0123456789abcdef\nalice 0123456789abcdef\n'
	refuses 2 'bad:2: the name has a secret already' call --config c --node 2 --serve \
		--secrets bad
	secrets bad 'alice 0123456789abcde\n'
	refuses 2 'bad:1: a secret has 16 to 256 bytes' call --config c --node 2 --serve \
		--secrets bad
	secrets bad "alice $(printf %0257d 0)\\n"
	refuses 2 'bad:1: a secret has 16 to 256 bytes' call --config c --node 2 --serve \
		--secrets bad
	secrets bad 'al/ice 0123456789abcdef\n'
	refuses 2 'bad:1: a name is up to 64' call --config c --node 2 --serve --secrets bad
	secrets bad 'alice 0123456789abcdef too\n'
	refuses 2 'bad:1: expected NAME SECRET' call --config c --node 2 --serve --secrets bad
	secrets bad 'alice 0123456789abcdef\0\n'
	refuses 2 'it is no text' call --config c --node 2 --serve --secrets bad
	head -c 262145 /dev/zero | tr '\0' '\n' >bad
	refuses 2 'it is longer than 256 KiB' call --config c --node 2 --serve --secrets bad
}

calls_in_a_name_are_sealed_and_told()
{
	secrets all '# theirs\nbob  fedcba9876543210\n\nalice\t0123456789abcdef'
	secrets mine 'alice 0123456789abcdef\n'
	serve --secrets all
	head -c 100000 /dev/urandom >in
	call 0 --op 1 --cred alice --secrets mine <in
	same in out
	call 0 --op 1 --cred alice --secrets mine --json </dev/null
	json_holds out '.cred == "alice" and .outcome == "DONE" and .reply_bytes == 0'
	has_line served 'node 1 as alice call ' || bad "no such line: $(cat served)"
	call 0 --op 6 --callbacks --cred alice --secrets mine <c
	same c out
	served_all
	serve --secrets all --json
	call 0 --op 2 --cred alice --secrets mine <in
	call 0 --op 2 --cred bob --secrets all <in
	call 0 --op 2 --cred alice --secrets all <in
	served_all
	json_holds served '.creds_refused == 0 and (.principals | length == 2)'
	json_holds served '.principals | any(.name == "alice" and .begun == 2)'
	json_holds served '.principals | any(.name == "bob" and .begun == 1)'
}

calls_in_no_name_or_a_wrong_one_are_refused()
{
	secrets all 'alice 0123456789abcdef\n'
	secrets wrong 'alice 0123456789abcdeF\nbob 0123456789abcdef\n'
	serve --secrets all --json
	call 3 --op 1 <c
	says err 'takes no call without a credential; show one by --cred and --secrets'
	call 3 --op 1 --cred alice --secrets wrong --json <c
	json_holds out '.outcome == "NOT_EXECUTED" and .reason == "CREDENTIAL"'
	says err 'that node does not take the credential of --cred'
	says err2 'node 1: its credential in the name of "alice" is refused: made by another secret'
	call 3 --op 1 --cred bob --secrets wrong <c
	served_all
	json_holds served '.creds_refused == 2 and .principals[0].begun == 0'
	json_holds served '[.ops[].begun] | add == 0'
	serve --secrets all
	call 3 --op 1 --cred bob --secrets wrong <c
	says err2 'in the name of "bob" is refused: the file of --secrets does not have it'
	served_all
	serve
	call 3 --op 1 --cred alice --secrets all <c
	says err 'does not take the credential'
	says err2 ': peer=1 refused a credential of kind '
}

json_is_the_truth()
{
	serve --json
	head -c 100000 /dev/urandom >in
	call 0 --op 1 --json --reply copy <in
	same in copy
	json_holds out '.schema == 1 and .command == "call" and .cluster == "test"'
	json_holds out '.node == 1 and .to == 2 and .service == 100 and .op == 1'
	json_holds out '.status == 0 and .outcome == "DONE" and .reason == "REPLIED"'
	json_holds out '.request_bytes == 100000 and .reply_bytes == 100000 and .seconds > 0'
	json_is out .reply_cksum "$(cksum <in | cut -d' ' -f1)"
	served_all
	json_holds served '.schema == 1 and .command == "call" and .node == 2 and .service == 100'
	json_holds served '.ops | length == 6 and .[0].name == "echo" and .[4].op == 5'
	json_holds served '.ops[0] | .begun == 1 and .done == 1 and .aborted == 0 and .cut_off == 0'
	json_holds served '.ops[0] | .request_bytes == 100000 and .reply_bytes == 100000'
}

a_reply_that_cannot_be_written_is_told()
{
	serve --quiet
	timeout "$LIMIT" "$SINEW" call --config c --node 1 --to 2 --service 100 --op 3 <<<10M \
		2>err >/dev/full
	equals 'status with a full output' $? 1
	says err 'cannot write the reply to standard output: No space left on device'
	timeout "$LIMIT" "$SINEW" call --config c --node 1 --to 2 --service 100 --op 3 <<<10M \
		2>err | head -c 1 >/dev/null
	equals 'status without a reader' "${PIPESTATUS[0]}" 1
	says err 'Broken pipe (reader gone)'
	call 0 --op 3 --json <<<1k
	equals 'what is not quiet' "$(cat served)" ''
}

a_request_that_cannot_be_read_is_given_up()
{
	serve
	call 3 --op 1 </tmp
	says err 'cannot read standard input: Is a directory'
	says err 'the end of the request has not left this node'
}

run wrong_usage_is_refused
run requests_of_all_sizes_are_echoed
run the_caller_is_called_back
run bytes_go_to_sink_and_come_from_source
if "$SINEW" break destroy --probe >/dev/null 2>&1; then
	run bytes_move_over_destroyed_connections
else
	skip bytes_move_over_destroyed_connections 'the kernel does not destroy connections for us'
fi
run what_is_not_executed_is_told
run a_node_without_calls_is_told
run aborts_have_their_code
run a_deadline_ends_what_has_begun
run a_call_that_may_have_begun_is_in_doubt
run half_a_request_is_not_executed
run a_server_that_is_killed_has_begun
run a_server_that_is_killed_at_once_is_told_truly
run a_server_that_closes_finishes_its_calls
run a_signal_gives_the_call_up
run the_state_of_calls_is_told
run a_caller_that_is_never_dialled_is_called_back
run a_newer_service_answers_who_asks
if ! has_nettle; then
	skip calls_in_a_name_are_sealed_and_told 'built without nettle'
else
	run no_secrets_are_refused
	run calls_in_a_name_are_sealed_and_told
	run calls_in_no_name_or_a_wrong_one_are_refused
fi
run json_is_the_truth
run a_reply_that_cannot_be_written_is_told
run a_request_that_cannot_be_read_is_given_up
finish
