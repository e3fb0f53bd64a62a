#!/bin/sh
# A leader; one in its group; one in its group that ignores TERM; one in a session of its own; a
# double-forked daemon that ignores TERM. Each writes its process number.
export PIDS="$1"
sh -c 'echo $$ >>"$PIDS"; exec sleep 300' &
sh -c 'trap "" TERM; echo $$ >>"$PIDS"; exec sleep 300' &
setsid sh -c 'echo $$ >>"$PIDS"; exec sleep 300' &
(setsid sh -c 'sh -c "trap \"\" TERM; echo \$\$ >>\"\$PIDS\"; exec sleep 300" & exit 0' &)
echo $$ >>"$PIDS"
wait
