# progress.sh - for the scripts beside it and tests/run.sh, which read it in: a long command shows that it is alive.

# with_progress WHO LOG COMMAND... - the command's output is added to LOG. Every PROGRESS_S seconds (8) that it runs, a line with the seconds
# and the last line of LOG is printed, on a terminal or not. The exit status is the command's.
with_progress() {
    progress_who=$1
    progress_log=$2
    shift 2
    : >> "$progress_log"
    (
        seconds=0
        while sleep "${PROGRESS_S:-8}" > /dev/null 2>&1 && kill -0 $$ 2> /dev/null; do
            seconds=$((seconds + ${PROGRESS_S:-8}))
            last=$(tail -c 2000 "$progress_log" | tr '\r' '\n' | grep '[^ ]' | tail -n 1 | cut -c 1-90)
            printf '%s:   %s s: %s\n' "$progress_who" "$seconds" "$last"
        done
    ) &
    progress_watch=$!
    progress_status=0
    "$@" >> "$progress_log" 2>&1 || progress_status=$?
    kill $progress_watch 2> /dev/null
    wait $progress_watch 2> /dev/null || :
    return $progress_status
}
