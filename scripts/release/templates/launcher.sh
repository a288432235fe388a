#!/bin/sh
# Operates the release {{name}}: bin/{{name}} COMMAND [ARGS]. Made by scripts/build-release from launcher.sh.
# It finds the folder it is in, sets the RELEASE_* variables, lets env.sh change them, and has the program in the
# folder do the rest. It writes nothing and needs no tools but those that every system has. Its own variables are in
# small letters: the node shall see those that the environment has in capitals as they are.

RELEASE_PROG=${0##*/}
case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
RELEASE_ROOT=$(CDPATH= cd -- "${self%/*}/.." && pwd -P) || exit 1

fail() {
  echo "$RELEASE_PROG: $1" >&2
  exit 1
}

mode_and_owner() {
  # shellcheck disable=SC2046,SC2012
  set -- $(ls -ldLn "$1")
  mode=$1 owner=$3
}

list_commands() {
  cat <<END
{{list}}
END
}

# ---- which version, and what it says of itself

data=$RELEASE_ROOT/releases/start.data
[ -r "$data" ] || fail "$data is missing or cannot be read: the folder is not a whole release, copy or build it again"
read -r node_version built_version <"$data"
RELEASE_NAME=${RELEASE_NAME:-{{name}}}
RELEASE_VSN=${RELEASE_VSN:-$built_version}
RELEASE_COMMAND=${1-}

case $RELEASE_COMMAND in
  version)
    echo "$RELEASE_NAME $RELEASE_VSN"
    exit 0
    ;;
  {{verbs}}) ;;
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

version_dir=$RELEASE_ROOT/releases/$RELEASE_VSN
[ -d "$version_dir" ] || fail "there is no version $RELEASE_VSN in $RELEASE_ROOT/releases: set RELEASE_VSN to one that is there"

# ---- the cookie: a secret, so its file is for one user alone

if [ -z "${RELEASE_COOKIE-}" ]; then
  cookie=$RELEASE_ROOT/releases/COOKIE
  [ -f "$cookie" ] || fail "$cookie is missing: put the cluster's cookie there, or set RELEASE_COOKIE"
  mode_and_owner "$cookie"
  case $mode in
    ????------*) ;;
    *) fail "$cookie can be read or written by other users, and it is a secret: chmod 600 '$cookie'" ;;
  esac
  [ "$owner" = "$(id -u)" ] || fail "$cookie is not a file of $(id -un): run this as the user that owns it, or set RELEASE_COOKIE"
  [ -r "$cookie" ] || fail "$cookie cannot be read: chmod 600 '$cookie'"
  read -r RELEASE_COOKIE <"$cookie" || [ -n "$RELEASE_COOKIE" ] || fail "$cookie is empty: put the cluster's cookie there"
fi

# ---- what env.sh may change

RELEASE_NODE=${RELEASE_NODE:-$RELEASE_NAME}
RELEASE_TMP=${RELEASE_TMP:-$RELEASE_ROOT/tmp}
RELEASE_CONFIG=${RELEASE_CONFIG:-$version_dir/runtime.js}
RELEASE_NODE_ARGS=${RELEASE_NODE_ARGS:-$version_dir/node.args}
RELEASE_LISTENERS='{{listeners}}'
# Memory in huge pages: look-ups in millions of entries then miss the processor's address cache less. GNU libc only.
GLIBC_TUNABLES=${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}
export GLIBC_TUNABLES RELEASE_ROOT RELEASE_PROG RELEASE_NAME RELEASE_VSN RELEASE_COMMAND RELEASE_COOKIE RELEASE_NODE RELEASE_TMP \
  RELEASE_CONFIG RELEASE_NODE_ARGS RELEASE_LISTENERS

if [ -f "$version_dir/env.sh" ]; then
  . "$version_dir/env.sh"
fi

# ---- the program

runtime=$RELEASE_ROOT/node-$node_version/bin/node
if [ ! -x "$runtime" ]; then
  runtime=$(command -v node) ||
    fail "this release carries no Node runtime and there is no node in PATH: install Node {{leastNode}} or newer"
fi
program=$version_dir/lib/pigeonhole.js
[ -f "$program" ] || fail "$program is missing: the folder is not a whole release, copy or build it again"

# Flags are for the node itself; what only talks to it, or starts it in the background, must not take its --inspect port.
RELEASE_NODE_FLAGS=
if [ -f "$RELEASE_NODE_ARGS" ]; then
  while read -r line || [ -n "$line" ]; do
    RELEASE_NODE_FLAGS="$RELEASE_NODE_FLAGS ${line%%#*}"
  done <"$RELEASE_NODE_ARGS"
fi
export RELEASE_NODE_FLAGS
case $RELEASE_COMMAND in
  start | start_console | eval) flags=$RELEASE_NODE_FLAGS ;;
  *) flags= ;;
esac

set -f
unset IFS
# shellcheck disable=SC2086
exec "$runtime" $flags "$program" "$@"
