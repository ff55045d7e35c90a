/* face.c - the table of faces. */
#include "face/face.h"

enum { ADDED_MOST = 8 };

static const struct face *const rows[] = { &face_chat,     &face_completions,  &face_embeddings,  &face_responses,
                                           &face_messages, &face_count_tokens, &face_moderations, &face_rerank,
                                           &face_images,   &face_audio };
static const struct face *added[ADDED_MOST];
static size_t added_count;

void face_add(const struct face *face)
{
    BUG_IF(added_count == ADDED_MOST);
    added[added_count++] = face;
}

const struct face *face_of(const struct dialect *dialect)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i]->dialect == dialect)
            return rows[i];
    for (size_t i = 0; i < added_count; i++)
        if (added[i]->dialect == dialect)
            return added[i];
    BUG_IF(true); /* a dialect that clients may name has a face */
    return NULL;
}
