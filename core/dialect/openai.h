/* openai.h - what OpenAI's dialects have in common. */
#ifndef DIALECT_OPENAI_H
#define DIALECT_OPENAI_H

#include "dialect/dialect.h"
#include "dialect/splice.h"

/* What keeps a silent stream alive: a comment. */
#define OPENAI_PING                                                                                                    \
    {                                                                                                                  \
        ": keep-alive\n\n", 14                                                                                         \
    }

/* What chat and text completions change: the model's name, and a stream is asked for its usage. At most 2, in order. */
size_t openai_asking_edits(struct arena *arena, const struct ask *ask, struct text model, struct splice_edit edits[2]);
/* splice() that changes just that. */
void openai_splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count);
/* tap() and extract() of chat and text completions. */
unsigned openai_tap(struct arena *arena, struct text name, struct text data);
unsigned openai_extract(struct arena *arena, struct text body, struct text *digest);

/* openai_error.c: errors of all of them but the last event of responses. */
int openai_error_status(const struct fail *fail);
void openai_error_write(const struct fail *fail, struct text request_id, struct buf *out);
void openai_error_event(const struct fail *fail, struct text request_id, struct buf *out);
/* openai_models.c: the list of models. */
void openai_models_write(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                         struct buf *out);
void openai_models_write_one(const struct models_row *row, int64_t created, struct buf *out);

/* The members of a dialect that all of them share. */
#define OPENAI_COMMON                                                                                                  \
    .error_status = openai_error_status, .write_error = openai_error_write, .write_models = openai_models_write,       \
    .write_model = openai_models_write_one

#endif
