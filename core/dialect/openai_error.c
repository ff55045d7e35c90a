/* openai_error.c - errors as OpenAI's clients read them. */
#include "base/json.h"
#include "canon/error.h"
#include "dialect/openai.h"

int openai_error_status(const struct fail *fail)
{
    return fail->status == 529 ? 503 : fail->status;
}

static void put_error(const struct fail *fail, struct json_writer *w)
{
    json_object(w);
    json_name(w, "error");
    json_object(w);
    json_name(w, "message");
    json_put_str(w, error_text(fail));
    json_name(w, "type");
    json_put_str(w, text_of(fail->type));
    json_name(w, "param");
    if (fail->param[0] != '\0')
        json_put_str(w, text_of(fail->param));
    else
        json_put_null(w);
    json_name(w, "code");
    error_put_code(fail, w);
    error_put_more(fail, w);
    json_close(w);
    json_close(w);
}

void openai_error_write(const struct fail *fail, struct text request_id, struct buf *out)
{
    struct json_writer w;
    (void)request_id;
    BUG_IF(fail->code == NULL || fail->type == NULL); /* a failure for a client comes from the table */
    json_writer_init(&w, out);
    put_error(fail, &w);
    json_end(&w);
}

void openai_error_event(const struct fail *fail, struct text request_id, struct buf *out)
{
    buf_str(out, "data: ");
    openai_error_write(fail, request_id, out);
    buf_str(out, "\n\n");
}
