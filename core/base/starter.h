/* starter.h - a small process of our own that starts other programs.
 *
 * A process with threads and secrets in its memory must not fork: the child would have locks that nobody opens, and
 * a copy of all it holds. So the gateway forks once, before its first thread and before it reads its configuration.
 * That child, the starter, waits for orders and starts programs. It ends when the gateway ends, whatever ends it; the
 * programs that it started do not end with it. */
#ifndef BASE_STARTER_H
#define BASE_STARTER_H

#include <sys/types.h>

#include "base/fail.h"

enum {
    STARTER_FDS_MOST = 64,          /* descriptors for one program */
    STARTER_TEXT_MOST = 120 * 1024, /* path, arguments and environment of one program, in bytes */
};

/* Forks the starter. Call it once, before the first thread. 0; -1: the system refused, see `fail`. */
int starter_begin(struct fail *fail);

/* Starts the program at `path` with `argv` and the environment `envp` (both end with NULL; all is lent). Standard input,
 * output and error are those of the gateway; fds[i] becomes descriptor 3 + i in the program, and it has no other. Its
 * signals are all at their defaults.
 *
 * Returns its process id as soon as it runs, or -1: `fail` has the system's reason. Its end is not reported: give it one
 * side of a socket pair, and the other side is at its end when the program is. Any thread; waits for the starter, a
 * few milliseconds, 5 s at most. */
pid_t starter_run(const char *path, char *const argv[], char *const envp[], const int *fds, size_t fd_count,
                  struct fail *fail);

/* Ends a program at once (SIGKILL). A process id that starter_run() did not give, or one whose program has ended, is
 * left alone: so a number that the system has used again hits nobody else. 0; -1: it was left alone. Any thread. */
int starter_kill(pid_t pid);

/* Ends the starter and waits for its end. The programs go on. No thread may call it beside another function of these. */
void starter_end(void);

#endif
