/* models.h - the list of models in the shapes clients read. */
#ifndef FACE_MODELS_H
#define FACE_MODELS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

struct models_row {
    struct text id;
    struct text owner; /* provider's name */
};

/* OpenAI's list, appended. `created` in unix seconds: when the gateway started. */
void models_write_openai(const struct models_row *rows, size_t count, int64_t created, struct buf *out);
/* One model of it. */
void models_write_openai_one(const struct models_row *row, int64_t created, struct buf *out);
/* What a client of Anthropic's asks of the list: at most `limit` rows (0: all), after or before an id, which may be
 * absent. */
struct models_page {
    size_t limit;
    struct text after, before;
};
/* From the query of a request's target: ?limit=&after_id=&before_id=. The ids are in the arena. */
struct models_page models_page_of(struct arena *arena, struct text target);
/* That part of Anthropic's list, appended; none of it when the id is unknown. `created` as above. */
void models_write_anthropic(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                            struct buf *out);
/* One model of it. */
void models_write_anthropic_one(const struct models_row *row, int64_t created, struct buf *out);

#endif
