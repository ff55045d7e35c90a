/* dialect.c - the table of dialects. */
#include "dialect/dialect.h"

enum { ADDED_MOST = 8 };

static const struct dialect *const rows[] = { &dialect_chat,      &dialect_completions, &dialect_embeddings,
                                              &dialect_responses, &dialect_messages,    &dialect_count_tokens,
                                              &dialect_other };
static const struct dialect *added[ADDED_MOST];
static size_t added_count;

void dialect_add(const struct dialect *dialect)
{
    BUG_IF(added_count == ADDED_MOST);
    added[added_count++] = dialect;
}

/* NULL behind the last one. */
static const struct dialect *at(size_t i)
{
    size_t own = sizeof rows / sizeof *rows;
    return i < own ? rows[i] : i - own < added_count ? added[i - own] : NULL;
}

static bool is_like(struct text name, struct text pattern)
{
    if (!text_ends(pattern, TEXT("*")))
        return text_eq_nocase(name, pattern);
    return text_starts_nocase(name, (struct text){ pattern.ptr, pattern.len - 1 });
}

bool dialect_has_header(struct text name)
{
    const struct dialect *d;
    for (size_t i = 0; (d = at(i)) != NULL; i++)
        for (const char *const *h = d->headers; h != NULL && *h != NULL; h++)
            if (is_like(name, text_of(*h)))
                return true;
    return false;
}

size_t dialect_spoken(uint32_t dialects, struct text name, struct text data)
{
    const struct dialect *d;
    size_t bytes = 0;
    for (size_t i = 0; bytes == 0 && (d = at(i)) != NULL; i++)
        if ((d->bit & dialects) != 0 && d->spoken != NULL)
            bytes = d->spoken(name, data);
    return bytes;
}

const struct dialect *dialect_marked_by(struct text name)
{
    const struct dialect *d;
    for (size_t i = 0; (d = at(i)) != NULL; i++)
        if (d->marked_by != NULL && text_eq_nocase(name, text_of(d->marked_by)))
            return d;
    return NULL;
}
