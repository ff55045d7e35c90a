/* fold.h - folds the events of an answer into what was reported, for answers that are not streamed. */
#ifndef CANON_FOLD_H
#define CANON_FOLD_H

#include <gateway/provider.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "canon/numbered.h"

struct fold_call {
    struct fold_call *next;
    struct numbered number;
    struct text id, name;
    struct text extra; /* JSON of members that stand beside the call's own; absent */
    struct buf args;
    bool custom; /* free input instead of JSON arguments */
};

/* Reasoning whose form is known: what must come back unchanged. */
struct fold_thought {
    struct fold_thought *next;
    uint32_t item;
    struct text format;
    struct text signature;
    struct text redacted; /* the encrypted form in place of a text; absent when there is none */
    struct text entry;    /* JSON of a reasoning_details entry as the upstream reported it; absent when it did not */
    struct text first;    /* of the one that the text began with; absent */
    struct buf text;
};

struct fold_choice {
    struct fold_choice *next;
    uint32_t index;
    struct numbered number; /* its key: the choice alone */
    struct buf text, refusal, reasoning;
    struct buf annotations, logprobs, media;      /* JSON values, comma-separated */
    struct fold_call *calls, *last_call;          /* in the order they were opened */
    struct fold_thought *thoughts, *last_thought; /* in order; only of reasoning whose events had an id */
    struct text finish;                           /* absent until reported */
    struct text native;                           /* the upstream's own reason, where it explains more */
};

/* The id of a SIGNATURE event of a block that is only encrypted ends so; before it stands the format. */
#define FOLD_REDACTED ":redacted"

struct fold {
    struct arena *arena;
    struct fold_choice *choices, *last; /* by rising index */
    struct map choices_by, calls_by;
    struct text model;
    bool incomplete; /* there was no memory for a part of it */
};

/* Texts grow on the heap and are freed with `arena`. How much there may be is the caller's to watch. */
void fold_init(struct fold *fold, struct arena *arena);
void fold_event(struct fold *fold, const gw_event *event);

#endif
