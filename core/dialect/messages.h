/* messages.h - Anthropic's messages, between the files of the dialect, and for those who write what it must know again. */
#ifndef DIALECT_MESSAGES_H
#define DIALECT_MESSAGES_H

#include "dialect/dialect.h"
#include "dialect/splice.h"

/* How a signature or an `encrypted_index` begins that Anthropic did not make. */
#define MESSAGES_MARK "gw1."
/* Does it begin so? */
bool messages_is_marked(struct text signature);

/* messages_strip.c: the edits, in order, that cut out of a body what Anthropic would refuse; arena. Returns how many. */
size_t messages_strip(struct arena *arena, const struct ask *ask, struct splice_edit **edits);
/* messages_error.c */
int messages_error_status(const struct fail *fail);
void messages_error_write(const struct fail *fail, struct text request_id, struct buf *out);
void messages_error_event(const struct fail *fail, struct text request_id, struct buf *out);
/* messages_models.c */
void messages_models_write(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                           struct buf *out);
void messages_models_write_one(const struct models_row *row, int64_t created, struct buf *out);

#endif
