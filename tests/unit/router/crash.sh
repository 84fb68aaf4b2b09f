#!/bin/bash
# Kills the router again and again while leads flow, on an empty broker, and checks every decision afterwards.
#   crash.sh BUILD_DIR kafka://HOST:PORT LEADS [FAULT]
# FAULT is PUNNET_FAULT for every start, for example crash_at:decide_produced:500; then the router kills itself.
set -u
exec 2> >(grep -v "Killed" >&2) # what bash says of each kill
build=$1 kafka=$2 leads=$3 fault=${4:-}
scratch=$(mktemp -d)

"$build/tests/router_drive" "$kafka" "$leads" >"$scratch/drive" 2>&1 &
drive=$!
starts=0 aborted=0
while kill -0 "$drive" 2>/dev/null; do
	PUNNET_COMMON_KAFKA=$kafka PUNNET_ROUTER_SNAPSHOT_EVERY=1s PUNNET_FAULT=$fault \
		"$build/bin/punnet-router" --instance "crash@1" --admin "${ROUTER_ADMIN:-127.0.0.1:29130}" >>"$scratch/router" 2>&1 &
	router=$!
	starts=$((starts + 1))
	lives=$((RANDOM % 40 + 20)) # tenths of a second
	while [ $lives -gt 0 ] && kill -0 "$drive" 2>/dev/null && kill -0 "$router" 2>/dev/null; do
		sleep 0.1
		lives=$((lives - 1))
	done
	kill -9 "$router" 2>/dev/null
	wait "$router"
	[ $? -eq 134 ] && echo "the router aborted" && aborted=1
done
wait "$drive"
status=$?
cat "$scratch/drive"
echo "router started $starts times; $(grep -c snapshot_loaded "$scratch/router") partitions loaded"
[ $aborted -eq 0 ] || status=1
[ $status -eq 0 ] && rm -rf "$scratch" || echo "see $scratch"
exit $status
