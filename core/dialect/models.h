/* models.h - what a list of models is made of. */
#ifndef DIALECT_MODELS_H
#define DIALECT_MODELS_H

#include "base/arena.h"
#include "base/text.h"

struct models_row {
    struct text id;
    struct text owner; /* provider's name */
};

/* What a client asks of the list: at most `limit` rows (0: all), after or before an id, which may be absent. None of it where
 * the id is unknown. */
struct models_page {
    size_t limit;
    struct text after, before;
};
/* From the query of a request's target: ?limit=&after_id=&before_id=. The ids are in the arena. */
struct models_page models_page_of(struct arena *arena, struct text target);

#endif
