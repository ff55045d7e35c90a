/* openai_models.c - OpenAI's list of models. */
#include "base/json.h"
#include "dialect/openai.h"

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

void openai_models_write(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                         struct buf *out)
{
    struct json_writer w;
    (void)page; /* it has no pages */
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

void openai_models_write_one(const struct models_row *row, int64_t created, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    write_row(row, created, &w);
    json_end(&w);
}
