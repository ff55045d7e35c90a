/* models.c - writes the list of models. */
#include "face/models.h"

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

void models_write_anthropic(const struct models_row *rows, size_t count, size_t limit, int64_t created, struct buf *out)
{
    size_t shown = limit > 0 && limit < count ? limit : count;
    char date[40];
    struct tm parts;
    time_t seconds = (time_t)created;
    struct json_writer w;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "data");
    json_array(&w);
    for (size_t i = 0; i < shown; i++) {
        json_object(&w);
        json_name(&w, "type");
        json_put_str(&w, TEXT("model"));
        json_name(&w, "id");
        json_put_str(&w, rows[i].id);
        json_name(&w, "display_name");
        json_put_str(&w, rows[i].id);
        json_name(&w, "created_at");
        json_put_str(&w, text_of(date));
        json_close(&w);
    }
    json_close(&w);
    json_name(&w, "has_more");
    json_put_bool(&w, shown < count);
    json_name(&w, "first_id");
    put_id_or_null(shown > 0 ? &rows[0] : NULL, &w);
    json_name(&w, "last_id");
    put_id_or_null(shown > 0 ? &rows[shown - 1] : NULL, &w);
    json_close(&w);
    json_end(&w);
}
