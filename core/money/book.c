/* book.c - frees a price book and finds models in it. */
#include "money/book.h"

#include <ctype.h>

#include "base/buf.h"
#include "money/book_inside.h"
#include "money/rule.h"

void book_free(struct book *book)
{
    if (book == NULL)
        return;
    CHECK(book, BOOK);
    book->magic = 0;
    arena_fini(&book->arena);
    free(book);
}

static const struct book_provider *provider_of(const struct book *book, struct text name)
{
    for (size_t i = 0; i < book->provider_count; i++)
        for (size_t n = 0; n < book->providers[i].name_count; n++)
            if (text_eq_nocase(book->providers[i].names[n], name))
                return &book->providers[i];
    return NULL;
}

static const struct book_provider *provider_by_id(const struct book *book, struct text id)
{
    for (size_t i = 0; i < book->provider_count; i++)
        if (text_eq(book->providers[i].id, id))
            return &book->providers[i];
    return NULL;
}

/* The first model with a rule that holds. */
static bool find_in(const struct book_provider *provider, struct text model, struct book_found *found)
{
    for (size_t i = 0; i < provider->model_count; i++)
        for (size_t r = 0; r < provider->models[i].rule_count; r++)
            if (rule_matches(&provider->models[i].rules[r], model)) {
                *found = (struct book_found){ provider, &provider->models[i], &provider->models[i].rules[r] };
                return true;
            }
    return false;
}

static bool find_lower(const struct book *book, const struct book_provider *provider, struct text model,
                       struct book_found *found)
{
    if (find_in(provider, model, found))
        return true;
    for (size_t i = 0; i < provider->other_count; i++) {
        const struct book_provider *other = provider_by_id(book, provider->others[i]);
        if (other != NULL && find_in(other, model, found))
            return true;
    }
    return false;
}

/* gpt-5.2-20251211 -> gpt-5.2-2025-12-11, in place of `out`, which has room for two more bytes. False: it has no such
 * date. */
static bool spread_date(struct text model, char *out, struct text *spread)
{
    for (size_t at = 0; at + 9 <= model.len; at++) {
        const char *date = model.ptr + at + 1;
        bool ends = at + 9 == model.len || strchr("-:", date[8]) != NULL;
        bool is_compact = model.ptr[at] == '-' && date[0] == '2' && date[1] == '0' && ends;

        for (size_t i = 2; i < 8; i++)
            is_compact = is_compact && isdigit((unsigned char)date[i]);
        if (!is_compact)
            continue;
        int len = snprintf(out, model.len + 3, "%.*s%.4s-%.2s-%.*s", (int)at + 1, model.ptr, date, date + 4,
                           (int)(model.len - at - 7), date + 6);
        *spread = (struct text){ out, (size_t)len };
        return true;
    }
    return false;
}

bool book_find(const struct book *book, struct text provider, struct text model, struct book_found *found)
{
    char lower[BOOK_NAME_MAX + 1], spread[BOOK_NAME_MAX + 3];
    struct text name = { lower, model.len }, other;

    CHECK(book, BOOK);
    *found = (struct book_found){ NULL, NULL, NULL };
    const struct book_provider *list = provider_of(book, provider);
    if (list == NULL || model.len == 0 || model.len > BOOK_NAME_MAX)
        return false;
    for (size_t i = 0; i < model.len; i++)
        lower[i] = (char)tolower((unsigned char)model.ptr[i]);
    lower[model.len] = '\0';
    return find_lower(book, list, name, found) ||
           (spread_date(name, spread, &other) && find_lower(book, list, other, found));
}

void book_write_rule(const struct book_rule *rule, struct buf *out)
{
    for (size_t i = 0; i < rule->part_count; i++) {
        const struct rule_part *part = &rule->parts[i];
        const char *how = part->kind == '='   ? "is"
                          : part->kind == '^' ? "begins with"
                          : part->kind == '$' ? "ends with"
                          : part->kind == '*' ? "contains"
                                              : "matches";
        buf_printf(out, "%s%s%s %.*s", i == 0 ? "" : " and ", part->negated ? "not: " : "", how, TEXT_ARG(part->text));
    }
}
