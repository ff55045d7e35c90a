/* messages_error.c - errors as Anthropic's clients read them. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "canon/error.h"
#include "dialect/messages.h"

int messages_error_status(const struct fail *fail)
{
    return error_is_overload(fail) ? 529 : fail->status;
}

static const char *type_of(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 504:
        return "timeout_error";
    case 529:
        return "overloaded_error";
    default:
        return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

/* Anthropic's clients know a prompt that does not fit by these words, not by a code. */
static void put_text(const struct fail *fail, struct json_writer *w)
{
    static const struct text words = { "prompt is too long", 18 };
    struct text text = error_text(fail);
    char both[ERROR_TEXT_MOST + 32];

    if (strcmp(fail->code, ERROR_CODE_CONTEXT) != 0 || text_find(text, words) >= 0) {
        json_put_str(w, text);
        return;
    }
    snprintf(both, sizeof both, "%s: %.*s", words.ptr, TEXT_ARG(text));
    json_put_str(w, text_of(both));
}

static void put_error(const struct fail *fail, struct text request_id, struct json_writer *w)
{
    json_object(w);
    json_name(w, "type");
    json_put_str(w, TEXT("error"));
    json_name(w, "error");
    json_object(w);
    json_name(w, "type");
    json_put_str(w, text_of(error_is_budget(fail) ? "billing_error" : type_of(messages_error_status(fail))));
    json_name(w, "message");
    put_text(fail, w);
    json_name(w, "details");
    json_object(w);
    json_name(w, "error_code");
    error_put_code(fail, w);
    error_put_more(fail, w);
    json_close(w);
    json_close(w);
    json_name(w, "request_id");
    json_put_str(w, request_id);
    json_close(w);
}

void messages_error_write(const struct fail *fail, struct text request_id, struct buf *out)
{
    struct json_writer w;
    BUG_IF(fail->code == NULL || fail->type == NULL); /* a failure for a client comes from the table */
    json_writer_init(&w, out);
    put_error(fail, request_id, &w);
    json_end(&w);
}

void messages_error_event(const struct fail *fail, struct text request_id, struct buf *out)
{
    buf_str(out, "event: error\ndata: ");
    messages_error_write(fail, request_id, out);
    buf_str(out, "\n\n");
}
