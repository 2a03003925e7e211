#!/usr/bin/env bash
# Does Taskbell's main job with kubectl on the cluster of $KUBECONFIG and looks at what comes of it:  scripts/story.sh
#
# A schedule brings a Task, completing it brings the next one, deleting the schedule takes both away. Everything it makes
# is in $NAMESPACE (default), belongs to the user taskbell-story and is removed again.
set -euo pipefail

namespace=${NAMESPACE:-default}
name=story-$$
at="$(date --utc --date '+1 day' +%Y-%m-%d)T09:00"

k() { kubectl --namespace "$namespace" "$@"; }
cleanup() { k delete taskschedule "$name" --ignore-not-found --wait=false >/dev/null; }
trap cleanup EXIT

eventually() { # what, then a command that succeeds once it is so
  local what=$1 deadline=$((SECONDS + ${PATIENCE:-60}))
  shift
  until "$@"; do
    if ((SECONDS > deadline)); then
      echo "not so after ${PATIENCE:-60} s: $what" >&2
      k get taskschedules,tasks --selector "taskbell.dev/schedule-uid=$uid" --output yaml >&2
      exit 1
    fi
    sleep 0.5
  done
  echo "ok: $what"
}
tasks() { # names of the schedule's tasks in a state
  k get tasks --selector "taskbell.dev/schedule-uid=$uid" \
    --output "jsonpath={range .items[?(@.spec.state==\"$1\")]}{.metadata.name}{\"\n\"}{end}"
}
one_is_open() { [[ $(tasks Open | wc --lines) == 1 ]]; }
another_is_open() { one_is_open && [[ $(tasks Open) != "$first" ]]; }
none_is_left() { [[ -z $(k get tasks --selector "taskbell.dev/schedule-uid=$uid" --output name) ]]; }

k create --filename - >/dev/null <<MANIFEST
apiVersion: taskbell.dev/v1alpha1
kind: TaskSchedule
metadata: {name: $name}
spec:
  userId: taskbell-story
  start: "$at"
  recurrence: {frequency: Daily}
  task: {title: "Team standup"}
MANIFEST
uid=$(k get taskschedule "$name" --output 'jsonpath={.metadata.uid}')

eventually "the schedule has an open task" one_is_open
first=$(tasks Open)
k patch task "$first" --type merge --patch '{"spec":{"state":"Completed"}}' >/dev/null
eventually "the completed task has a successor" another_is_open
k delete taskschedule "$name" --wait=false >/dev/null
eventually "with the schedule its tasks are gone" none_is_left
