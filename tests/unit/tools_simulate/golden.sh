#!/usr/bin/env bash
# `punnet simulate` on the files of golden/: what it prints, what it decides, how it refuses. usage: golden.sh PUNNET
set -uo pipefail
punnet=${1:?usage: golden.sh PUNNET}
cd "$(dirname "$0")/golden" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

same() { # WHAT WANTED FOUND
  diff -u "$2" "$3" || { echo "$1 is not what it was"; failed=1; }
}

"$punnet" simulate --orders orders.yaml --leads leads.ndjson --decisions "$scratch/decisions" >"$scratch/result" || failed=1
same "the result" result.json "$scratch/result"
same "a decision" decisions.ndjson "$scratch/decisions"

"$punnet" simulate --orders orders.yaml --leads leads.ndjson --history leads.ndjson --seed 7 --decisions "$scratch/other" >"$scratch/result" || failed=1
same "a decision under another seed" decisions.ndjson "$scratch/other"
[[ $(<result.json) != $(<"$scratch/result") ]] || { echo "the seed changes no digest"; failed=1; }

{ head -3 leads.ndjson; echo '{"at":1,"vertical":"x"}'; echo nonsense; head -1 leads.ndjson; } >"$scratch/bad.ndjson"
(cd "$scratch" && "$punnet" simulate --orders "$OLDPWD/orders.yaml" --leads bad.ndjson) >"$scratch/result" 2>"$scratch/faults"
[[ $? == 1 && ! -s $scratch/result ]] || { echo "a file with bad lines gave a result"; failed=1; }
same "what is said of bad lines" faults.txt "$scratch/faults"
exit $failed
