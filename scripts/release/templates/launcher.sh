#!/bin/sh
# Operates the release {{name}}: bin/{{name}} COMMAND [ARGS]. Made by scripts/build-release from launcher.sh.
# It finds the folder it is in, sets the RELEASE_* variables, lets env.sh change them, and has the program in the
# folder do the rest. It writes nothing and needs no tools but those that every system has.

RELEASE_PROG=${0##*/}
case $0 in */*) SELF=$0 ;; *) SELF=./$0 ;; esac
while [ -L "$SELF" ]; do
  LINK=$(readlink "$SELF")
  case $LINK in /*) SELF=$LINK ;; *) SELF=${SELF%/*}/$LINK ;; esac
done
RELEASE_ROOT=$(CDPATH= cd -- "${SELF%/*}/.." && pwd -P) || exit 1

fail() {
  echo "$RELEASE_PROG: $1" >&2
  exit 1
}

list_commands() {
  cat <<END
Usage: $RELEASE_PROG COMMAND [ARGS]

The commands are:

    start              Runs the node in the foreground
    start_console      Runs the node in the foreground with a shell on this terminal
    daemon             Runs the node in the background; HEART=true restarts it when it dies or hangs
    daemon_console     Runs the node in the background with a console that remote reaches
    stop               Stops the running node, and returns when it is gone
    restart            Has the running node read its configuration and begin anew
    reload             Has the running node take over the shard map and the settings as they are now
    pid                Prints the process id of the running node
    version            Prints the name and the version of the release
    remote             Opens a shell on the running node
    rpc "EXPRESSION"   Evaluates in the running node and prints the value
    eval "EXPRESSION"  Evaluates in a process of its own, without listeners, and prints the value
    command ARG...     Sends one Redis command to the running node and prints the reply
    shards             Prints the shard map of the running node and the state of its peers
    check-config       Prints the settings that a start would have, and where each comes from
    install            Writes what this system needs to run the node as a service
END
}

# ---- which version, and what it says of itself

DATA=$RELEASE_ROOT/releases/start.data
[ -r "$DATA" ] || fail "$DATA is missing or cannot be read: the folder is not a whole release, copy or build it again"
read -r NODE_VERSION BUILT_VERSION <"$DATA"
RELEASE_NAME=${RELEASE_NAME:-{{name}}}
RELEASE_VSN=${RELEASE_VSN:-$BUILT_VERSION}
RELEASE_COMMAND=${1-}

case $RELEASE_COMMAND in
  start | start_console | daemon | daemon_console | stop | restart | reload | pid | remote | rpc | eval | command | \
    shards | check-config | install) ;;
  version)
    echo "$RELEASE_NAME $RELEASE_VSN"
    exit 0
    ;;
  help | --help | -h)
    list_commands
    exit 0
    ;;
  *)
    list_commands >&2
    [ $# -gt 0 ] || exit 1
    echo >&2
    fail "unknown command '$RELEASE_COMMAND'"
    ;;
esac

VERSION_DIR=$RELEASE_ROOT/releases/$RELEASE_VSN
[ -d "$VERSION_DIR" ] || fail "there is no version $RELEASE_VSN in $RELEASE_ROOT/releases: set RELEASE_VSN to one that is there"

# ---- the cookie: a secret, so its file is for one user alone

if [ -z "${RELEASE_COOKIE-}" ]; then
  COOKIE=$RELEASE_ROOT/releases/COOKIE
  [ -f "$COOKIE" ] || fail "$COOKIE is missing: put the cluster's cookie there, or set RELEASE_COOKIE"
  case $(ls -ldL "$COOKIE") in
    ????------*) ;;
    *) fail "$COOKIE can be read or written by other users, and it is a secret: chmod 600 '$COOKIE'" ;;
  esac
  [ -r "$COOKIE" ] || fail "$COOKIE cannot be read by $(id -un): run this as the user that owns it"
  read -r RELEASE_COOKIE <"$COOKIE" || [ -n "$RELEASE_COOKIE" ] || fail "$COOKIE is empty: put the cluster's cookie there"
fi

# ---- what env.sh may change

RELEASE_NODE=${RELEASE_NODE:-$RELEASE_NAME}
RELEASE_TMP=${RELEASE_TMP:-$RELEASE_ROOT/tmp}
RELEASE_CONFIG=${RELEASE_CONFIG:-$VERSION_DIR/runtime.js}
RELEASE_NODE_ARGS=${RELEASE_NODE_ARGS:-$VERSION_DIR/node.args}
RELEASE_LISTENERS='{{listeners}}'
export RELEASE_ROOT RELEASE_PROG RELEASE_NAME RELEASE_VSN RELEASE_COMMAND RELEASE_COOKIE RELEASE_NODE RELEASE_TMP \
  RELEASE_CONFIG RELEASE_NODE_ARGS RELEASE_LISTENERS

if [ -f "$VERSION_DIR/env.sh" ]; then
  . "$VERSION_DIR/env.sh"
fi

# ---- the program

RUNTIME=$RELEASE_ROOT/node-$NODE_VERSION/bin/node
if [ ! -x "$RUNTIME" ]; then
  RUNTIME=$(command -v node) ||
    fail "this release carries no Node runtime and there is no node in PATH: install Node {{leastNode}} or newer"
fi
PROGRAM=$VERSION_DIR/lib/pigeonhole.js
[ -f "$PROGRAM" ] || fail "$PROGRAM is missing: the folder is not a whole release, copy or build it again"

# Flags are for the node itself; what only talks to it must not, for instance, take its --inspect port.
FLAGS=
case $RELEASE_COMMAND in
  start | start_console | daemon | daemon_console | eval)
    if [ -f "$RELEASE_NODE_ARGS" ]; then
      while read -r LINE || [ -n "$LINE" ]; do
        FLAGS="$FLAGS ${LINE%%#*}"
      done <"$RELEASE_NODE_ARGS"
    fi
    ;;
esac

set -f
unset IFS
# shellcheck disable=SC2086
exec "$RUNTIME" $FLAGS "$PROGRAM" "$@"
