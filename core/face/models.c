/* models.c - writes the list of models. */
#include "face/models.h"

#include <string.h>
#include <time.h>

#include "base/json.h"

static void write_row(const struct models_row *row, int64_t created, struct json_writer *w)
{
    json_object(w);
    json_name(w, "id");
    json_put_str(w, row->id);
    json_name(w, "object");
    json_put_str(w, TEXT("model"));
    json_name(w, "created");
    json_put_int(w, created);
    json_name(w, "owned_by");
    json_put_str(w, row->owner);
    json_close(w);
}

void models_write_openai(const struct models_row *rows, size_t count, int64_t created, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "object");
    json_put_str(&w, TEXT("list"));
    json_name(&w, "data");
    json_array(&w);
    for (size_t i = 0; i < count; i++)
        write_row(&rows[i], created, &w);
    json_close(&w);
    json_close(&w);
    json_end(&w);
}

void models_write_openai_one(const struct models_row *row, int64_t created, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    write_row(row, created, &w);
    json_end(&w);
}

static void put_id_or_null(const struct models_row *row, struct json_writer *w)
{
    if (row != NULL)
        json_put_str(w, row->id);
    else
        json_put_null(w);
}

static int hex_of(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* What a query says, arena. */
static struct text unquoted(struct arena *arena, struct text value)
{
    char *out = arena_str(arena, value), *to = out;
    for (size_t i = 0; i < value.len; i++) {
        bool escape = value.ptr[i] == '%' && i + 2 < value.len;
        int high = escape ? hex_of(value.ptr[i + 1]) : -1, low = escape ? hex_of(value.ptr[i + 2]) : -1;
        bool good = high >= 0 && low >= 0;
        *to++ = good ? (char)(unsigned char)(high * 16 + low) : value.ptr[i];
        i += good ? 2 : 0;
    }
    return (struct text){ out, (size_t)(to - out) };
}

struct models_page models_page_of(struct arena *arena, struct text target)
{
    struct models_page page = { .limit = 0 };
    int64_t limit;
    text_cut(&target, '?');
    while (target.len > 0) {
        struct text value = text_cut(&target, '&'), name = text_cut(&value, '=');
        if (text_is(name, "limit"))
            page.limit = text_parse_u63(value, &limit) == 0 ? (size_t)limit : 0;
        else if (text_is(name, "after_id"))
            page.after = unquoted(arena, value);
        else if (text_is(name, "before_id"))
            page.before = unquoted(arena, value);
    }
    return page;
}

static void write_anthropic_row(const struct models_row *row, int64_t created, struct json_writer *w)
{
    char date[40];
    struct tm parts;
    time_t seconds = (time_t)created;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    json_object(w);
    json_name(w, "type");
    json_put_str(w, TEXT("model"));
    json_name(w, "id");
    json_put_str(w, row->id);
    json_name(w, "display_name");
    json_put_str(w, row->id);
    json_name(w, "created_at");
    json_put_str(w, text_of(date));
    json_close(w);
}

/* The row of that id; `count` when there is none. */
static size_t place_of(const struct models_row *rows, size_t count, struct text id)
{
    size_t i = 0;
    while (i < count && !text_eq(rows[i].id, id))
        i++;
    return i;
}

/* SDKs walk through the list page by page until has_more is false. */
void models_write_anthropic(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                            struct buf *out)
{
    size_t from = 0, to = count;
    struct json_writer w;
    if (page.after.len > 0) {
        from = place_of(rows, count, page.after) + 1;
        from = from < count ? from : count;
    } else if (page.before.len > 0) {
        to = place_of(rows, count, page.before);
        to = to < count ? to : 0;
    }
    bool backwards = page.after.len == 0 && page.before.len > 0, more = page.limit > 0 && page.limit < to - from;
    if (more && backwards)
        from = to - page.limit;
    else if (more)
        to = from + page.limit;
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "data");
    json_array(&w);
    for (size_t i = from; i < to; i++)
        write_anthropic_row(&rows[i], created, &w);
    json_close(&w);
    json_name(&w, "has_more");
    json_put_bool(&w, more);
    json_name(&w, "first_id");
    put_id_or_null(from < to ? &rows[from] : NULL, &w);
    json_name(&w, "last_id");
    put_id_or_null(from < to ? &rows[to - 1] : NULL, &w);
    json_close(&w);
    json_end(&w);
}

void models_write_anthropic_one(const struct models_row *row, int64_t created, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    write_anthropic_row(row, created, &w);
    json_end(&w);
}
