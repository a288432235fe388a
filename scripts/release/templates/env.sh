#!/bin/sh
# Read by bin/{{name}} of {{name}} {{version}} before every command but `version`. What is set here holds for this
# release; take the # from a line to use it. These variables are set when this is read, and may be changed:
#
#   RELEASE_COMMAND    the command: start, daemon, stop, rpc ...
#   RELEASE_ROOT       the folder of the release; leave it as it is
#   RELEASE_NAME       {{name}}
#   RELEASE_VSN        {{version}}
#   RELEASE_NODE       the node's name in `nodes` and `shards`
#   RELEASE_COOKIE     the cluster's secret, from releases/COOKIE unless it was given
#   RELEASE_TMP        where the process id, the control socket and the logs are
#   RELEASE_CONFIG     the config file, runtime.js beside this file
#   RELEASE_NODE_ARGS  the flags for Node, node.args beside this file

# A node that is called after its machine:
# RELEASE_NODE=$(hostname -s)

# A folder that can be written where the release's own cannot:
# RELEASE_TMP=/var/run/{{name}}

# A folder for the data where the release's own cannot be written:
# export PIGEONHOLE_DIR=/var/lib/{{name}}

# The cookie from a place of your own:
# RELEASE_COOKIE=$(cat /etc/{{name}}/cookie)

# Restart the node when it dies or hangs, with `daemon`:
# case $RELEASE_COMMAND in daemon*) export HEART=true ;; esac

# Settings, each as PIGEONHOLE_ and its name; they override runtime.js:
# export PIGEONHOLE_ENV=stage
# export PIGEONHOLE_PORT=7000
# export PIGEONHOLE_LOGLEVEL=verbose

# More open files, for many clients:
# ulimit -n 65536
