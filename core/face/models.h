/* models.h - the list of models in the shapes clients read. */
#ifndef FACE_MODELS_H
#define FACE_MODELS_H

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
/* Anthropic's list, appended: at most `limit` of the rows (0: all), `created` as above. */
void models_write_anthropic(const struct models_row *rows, size_t count, size_t limit, int64_t created,
                            struct buf *out);

#endif
