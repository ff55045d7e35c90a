/* messages_models.c - Anthropic's list of models, page by page. */
#include <time.h>

#include "base/json.h"
#include "dialect/messages.h"

static void put_id_or_null(const struct models_row *row, struct json_writer *w)
{
    if (row != NULL)
        json_put_str(w, row->id);
    else
        json_put_null(w);
}

static void write_row(const struct models_row *row, int64_t created, struct json_writer *w)
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
void messages_models_write(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
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
        write_row(&rows[i], created, &w);
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

void messages_models_write_one(const struct models_row *row, int64_t created, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    write_row(row, created, &w);
    json_end(&w);
}
