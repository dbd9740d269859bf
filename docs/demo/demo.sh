#!/bin/sh
# The main job on a real Elasticsearch: a field's type changes, no document is lost, no client
# sees more than one alias switch. Run it with `make demo`.
set -eu
: "${ESPLAN:=esplan}"
plan="plans/demo-$(date +%Y%m%d-%H%M%S).json"
desired=docs/demo/flights.yaml

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ esplan %s\n' "$*"; "$ESPLAN" "$@"; }

say "A real Elasticsearch on this machine, and 336,776 flights behind the alias flights"
run sandbox start
run sandbox seed --reset
ESPLAN_URL=$("$ESPLAN" sandbox status --json | sed -n 's/.*"url": "\([^"]*\)".*/\1/p')
export ESPLAN_URL

say "What the team wants: flight numbers are names, not numbers"
cat "$desired"

say "Plan: what has to happen, and why"
run plan -d "$desired" -o "$plan"

say "Review: the plan file is what a change request carries"
digest=$(sed -n 's/^  "digest": "\([0-9a-f]*\)".*/\1/p' "$plan")
echo "$plan, digest $digest"

say "Apply exactly that plan"
run apply "$plan" --approve "$digest"

say "Plan again: nothing is left to do"
run plan -d "$desired"

say "Done"
cat <<END
The alias flights now serves flights_blue, where flight is a keyword. Every document was copied,
proven equal by a checksum of its id, routing and source, and the old index was deleted.

Look around:
  export ESPLAN_URL=$ESPLAN_URL
  curl "$ESPLAN_URL/_cat/aliases?v"
  curl "$ESPLAN_URL/flights/_search?q=flight:1545&size=1&pretty"
  $ESPLAN show $plan
  cat $plan.journal.jsonl
  $ESPLAN status
Change docs/demo/flights.yaml and plan again. When you are done: $ESPLAN sandbox stop
END
