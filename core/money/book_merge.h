/* book_merge.h - takes a newer price book into the one in use. One thread. */
#ifndef MONEY_BOOK_MERGE_H
#define MONEY_BOOK_MERGE_H

#include "base/buf.h"
#include "money/book.h"

enum merge_kind {
    MERGE_NEW,     /* a model that the book did not have */
    MERGE_CHANGED, /* a price that is another now */
    MERGE_KEPT,    /* a model that the newer book lacks: it stays */
    MERGE_HELD,    /* a change that is too large to be believed, or takes a price away: the model stays as it was */
    MERGE_KINDS
};

/* A difference. Texts are lent for the call. */
struct merge_difference {
    enum merge_kind kind;
    struct text provider, model;
    enum unit unit;   /* UNITS: the model as a whole */
    int64_t from, to; /* nano-dollars; -1: no such price */
};

/* Writes to `out` the book that results from `newer` (a file's bytes) replacing `older`, and reports each difference.
 *
 * No price is ever removed: models that the newer book lacks are kept behind its own. A model is held back where, now
 * or on a later day that its prices name, with or without one of its variants, a price rises or falls to more than ten
 * times or less than a tenth, becomes zero or was zero, or has gone. A book without a date, of a day before the older
 * one's or more than a day after `now_s` is refused. `force` takes all but one without a date. 0, or -1 with
 * `fail`. */
int book_merge(struct text older, struct text newer, int64_t now_s, bool force, struct buf *out,
               void (*report)(void *arg, const struct merge_difference *difference), void *arg, struct fail *fail);

#endif
