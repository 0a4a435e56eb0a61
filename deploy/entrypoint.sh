#!/bin/sh
# The first process of the ledger's container: starts the ledger, and starts it again when it was killed.
#
#     entrypoint.sh crebito-ledger
#
# The kernel protects the first process of a container from every signal that comes from inside, SIGKILL included:
# so the ledger, whose watchdog ends it in that way, must be the second. And what takes a container's engine seconds
# takes the shell milliseconds.
#
# Ended by a signal, or with 70 (the store failed, only a restart can tell what is on the disk): started again, at once
# unless it dies again and again within a second. Ended otherwise: this ends with the same code, and the restart policy
# of the container decides. SIGTERM and SIGINT are passed on.

ledger=
sleeping=
stopping=
shortLives=0

stop() {
	stopping=yes
	[ -z "$ledger" ] || kill -TERM "$ledger" 2>/dev/null
	[ -z "$sleeping" ] || kill -TERM "$sleeping" 2>/dev/null
}
trap stop TERM INT

# Hundredths of a second since the machine started.
now() {
	read -r uptime rest </proc/uptime
	echo "${uptime%.*}${uptime#*.}"
}

# Waits for $1, whatever signals come meanwhile: a `wait` that a trap has interrupted says nothing of the process.
outlast() {
	wait "$1"
	code=$?
	while kill -0 "$1" 2>/dev/null; do
		wait "$1"
		code=$?
	done
}

# Nothing after one short life, then 0.1 s, growing to 5 s.
pause() {
	case $shortLives in
	0 | 1) return ;;
	2) seconds=0.1 ;;
	3) seconds=0.5 ;;
	4) seconds=1 ;;
	*) seconds=5 ;;
	esac
	sleep "$seconds" &
	sleeping=$!
	[ -z "$stopping" ] || kill -TERM "$sleeping" 2>/dev/null
	outlast "$sleeping"
	sleeping=
}

while [ -z "$stopping" ]; do
	startedAt=$(now)
	"$@" &
	ledger=$!
	# A signal that came before the ledger had a number has reached nobody.
	[ -z "$stopping" ] || kill -TERM "$ledger" 2>/dev/null
	outlast "$ledger"
	ledger=
	[ "$code" -gt 128 ] || [ "$code" -eq 70 ] || exit "$code"
	# Whoever is asked while it starts may not have learnt yet to do more than die of it.
	[ -z "$stopping" ] || [ "$code" -ne 143 ] || exit 0
	[ -z "$stopping" ] || exit "$code"
	if [ $(($(now) - startedAt)) -lt 100 ]; then shortLives=$((shortLives + 1)); else shortLives=0; fi
	pause
	[ -n "$stopping" ] || echo "entrypoint: the ledger ended with $code, starting it again" >&2
done
exit 0
