/* dialect.c - the made-up dialect on the wire: {"model":"m","ask":"TEXT"} is answered with events "data: +TEXT", of which the last
 * is "data: ." and one that begins with ! is an error. Lists and errors are lines. */
#include "base/json.h"
#include "dialect/look.h"
#include "dialect/splice.h"
#include "madeup.h"

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    (void)arena, (void)name;
    if (text_is(data, "."))
        return DIALECT_TAP_DONE;
    return look_value_of(data, TEXT("\"error\"")) != 0 ? DIALECT_TAP_ERROR : 0;
}

static size_t spoken(struct text name, struct text data)
{
    (void)name;
    return data.len;
}

static unsigned extract(struct arena *arena, struct text body, struct text *digest)
{
    *digest = arena_text(arena, body);
    return 0;
}

static int error_status(const struct fail *fail)
{
    return fail->status == 404 ? 418 : fail->status;
}

static void write_error(const struct fail *fail, struct text request_id, struct buf *out)
{
    (void)request_id;
    buf_printf(out, "no: %s", fail->code);
}

static void write_error_event(const struct fail *fail, struct text request_id, struct buf *out)
{
    buf_str(out, "data: !");
    write_error(fail, request_id, out);
    buf_str(out, "\n\n");
}

static void write_model(const struct models_row *row, int64_t created, struct buf *out)
{
    (void)created;
    buf_printf(out, "%.*s\n", TEXT_ARG(row->id));
}

static void write_models(const struct models_row *rows, size_t count, struct models_page page, int64_t created,
                         struct buf *out)
{
    (void)page;
    for (size_t i = 0; i < count; i++)
        write_model(&rows[i], created, out);
}

static const char *const headers[] = { "x-madeup-*", NULL };

const struct dialect madeup_dialect = {
    .name = "madeup",
    .bit = MADEUP_BIT,
    .ping = { "data: ~\n\n", 9 },
    .end = { "data: .\n\n", 9 },
    .marks_end = true,
    .headers = headers,
    .marked_by = "x-madeup-version",
    .splice = splice_rename,
    .tap = tap,
    .spoken = spoken,
    .extract = extract,
    .error_status = error_status,
    .write_error = write_error,
    .write_error_event = write_error_event,
    .write_models = write_models,
    .write_model = write_model,
};
