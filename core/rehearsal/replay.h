/* replay.h - a policy on the requests that a ledger has: what it would decide, beside what was decided. One thread. */
#ifndef REHEARSAL_REPLAY_H
#define REHEARSAL_REPLAY_H

#include "base/buf.h"
#include "base/map.h"
#include "capture/find.h"
#include "config/config.h"
#include "money/past.h"

#define REPLAY_EXAMPLES 3u

/* Requests that would end otherwise in the same way. */
struct replay_change {
    struct text from, to, reason; /* "model smart", "deny no_cards", "answer"; the reason of the first, absent: none */
    struct text examples[REPLAY_EXAMPLES];
    unsigned count;
};

struct replay {
    struct arena arena;
    struct map changes,
        lacks;          /* "from\nto" -> struct replay_change; what was not recorded -> the same, with `to` alone */
    const char *policy; /* its name */
    unsigned requests, same;
    unsigned elsewhere; /* another policy refused or answered them */
    unsigned unjudged, failed;
    unsigned captured; /* of `requests`, those whose text is there */
    struct text error; /* of the first that failed */
};

/* What it is tried on. */
struct replay_of {
    const struct past *past;
    struct find *find; /* what was captured; NULL: nothing */
    int64_t since_ms;
};

/* `as`: it stands in the place of the policy of that name, with its block; NULL: of the one whose file it is, or it is new. `of` and `config`
 * are kept until it returns. 0, or -1 with `fail`. replay_fini() in both cases. */
int replay_run(struct replay *r, const struct config *config, const char *file, const char *as,
               const struct replay_of *of, struct fail *fail);
void replay_fini(struct replay *r);
/* 0, or -1 where `out` has no room. */
int replay_write(const struct replay *r, bool as_json, struct buf *out);

#endif
