/* past.h - the requests that a ledger knows, one item each, in the order of their admission. One thread. */
#ifndef MONEY_PAST_H
#define MONEY_PAST_H

#include "base/map.h"
#include "money/usage_report.h"

/* One try at a target. */
struct past_attempt {
    struct past_attempt *next;
    struct text target; /* "provider/model" */
    uint64_t number;    /* from 1 */
};

struct past_request {
    struct text id, team, key, project, tags, user, session, client, face;
    struct text model;       /* of its first record: a policy may have chosen it */
    struct text first, last; /* targets, "provider/model": of its first attempt, of its last; absent: none was sent */
    struct text outcome, policies; /* of its last record; what policies decided, JSON */
    int64_t admitted_ms, duration_ms;
    int64_t asked_input;                      /* tokens of the first attempt that reports some; 0: none does */
    int64_t input, output, reasoning, cost;   /* of all attempts */
    size_t place;                             /* among the records */
    struct past_attempt *tried, **last_tried; /* in order; NULL: none was sent */
    unsigned attempts;
    bool over, priced;
};

struct past {
    struct arena arena;
    struct map by_id;
    struct past_request **items;
    size_t count, room;
    uint64_t problems; /* places at which the journal is damaged: what stood there is missing */
};

/* Of the store, and of what the journal has beyond it; of the journal alone where `store` is NULL or has nothing yet. What is in flight is
 * not there. 0, or -1 with `fail`. past_fini() in both cases. */
int past_read(const char *folder, const struct usage_store *store, struct past *past, struct fail *fail);
void past_fini(struct past *past);

#endif
